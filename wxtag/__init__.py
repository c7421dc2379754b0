"""wxtag: finds the one customer behind many ids, works out tags, and puts them in front of staff in WeCom."""
