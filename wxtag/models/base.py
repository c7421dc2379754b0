"""What every table shares: the metadata, types of columns, the company to which each row belongs."""

from typing import Annotated, Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite counts only a plain INTEGER key by itself.
BigId = BigInteger().with_variant(Integer, "sqlite")

Id = Annotated[int, mapped_column(BigId, primary_key=True, autoincrement=True)]
Ref = Annotated[int, mapped_column(BigId)]
Ms = Annotated[int, mapped_column(BigInteger)]
"""Epoch milliseconds (see wxtag/clock.py)."""
CompanyId = Annotated[int, mapped_column(ForeignKey("companies.id"), index=True)]
Word = Annotated[str, mapped_column(String(32))]
"""One of a few words of ours."""
Key = Annotated[str, mapped_column(String(128))]
"""An id as a platform says it; compared byte by byte."""
Name = Annotated[str, mapped_column(String(190))]
Sealed = Annotated[str, mapped_column(Text)]
"""Text sealed by wxtag/sealing.py."""
Doc = Annotated[dict[str, Any], mapped_column(JSON)]

# MySQL's usual collations take wmAbC and wmabc for one id; the binary one keeps them two. Ids that
# compare without case (userid, corpid) are folded before they are stored.
TABLE = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mysql_engine": "InnoDB"}


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    __table_args__: Any = TABLE


db = SQLAlchemy(model_class=Base)


class Company(Base):
    """One 主体: nothing of one company is ever seen by another."""

    __tablename__ = "companies"
    id: Mapped[Id]
    name: Mapped[Name] = mapped_column(unique=True)
    hash_key: Mapped[Sealed]
    """Key of the keyed hashes of phones and persons; its own for each company, so they cannot be compared."""
    created_at: Mapped[Ms]
    policies: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What the company decided about its people's data: see wxtag/privacy/policies.py."""
    erased_at: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """When somebody was last erased: only messages that came before need to be looked at for the erased."""
