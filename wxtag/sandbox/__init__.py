"""A sandbox that plays WeChat and WeCom: interfaces, callbacks, and what people see in their clients."""

from wxtag.sandbox.app import create_sandbox

__all__ = ["create_sandbox"]
