"""What people write with SQLAlchemy 1.4: a session's transaction around it all, psycopg2 below."""
import os
import time

from sqlalchemy import Boolean, Column, ForeignKey, Integer, Numeric, Text, create_engine, func, select, text
from sqlalchemy.orm import Session, declarative_base, joinedload, relationship, selectinload, subqueryload

from cases import case, loop, main

ENGINE = create_engine(f"postgresql+psycopg2://{os.environ.get('PGUSER')}:{os.environ.get('PGPASSWORD')}@"
                       f"{os.environ.get('PGHOST')}:{os.environ.get('PGPORT', 5432)}/{os.environ.get('PGDATABASE')}"
                       if "PGUSER" in os.environ else "postgresql+psycopg2://", pool_pre_ping=True)
Base = declarative_base()


class Publisher(Base):
    __tablename__ = "publishers"
    id = Column(Integer, primary_key=True)
    name = Column(Text)


class Author(Base):
    __tablename__ = "authors"
    id = Column(Integer, primary_key=True)
    name = Column(Text)
    active = Column(Boolean)
    publisher_id = Column(ForeignKey("publishers.id"))
    publisher = relationship(Publisher)
    books = relationship("Book", back_populates="author", foreign_keys="Book.author_id", order_by="Book.id")


class Book(Base):
    __tablename__ = "books"
    id = Column(Integer, primary_key=True)
    title = Column(Text)
    price = Column(Numeric)
    author_id = Column(ForeignKey("authors.id"))
    author = relationship(Author, back_populates="books", foreign_keys=[author_id])
    reviews = relationship("Review")


class Review(Base):
    __tablename__ = "reviews"
    id = Column(Integer, primary_key=True)
    book_id = Column(ForeignKey("books.id"))
    stars = Column(Integer)


class Job(Base):
    __tablename__ = "jobs"
    id = Column(Integer, primary_key=True)
    state = Column(Text)
    payload = Column(Text)


BOOKS_OF = "= books.author_id"
REVIEWS_OF = "= reviews.book_id"


@case(loop("proven", BOOKS_OF, 24, "from authors order by", "authors_id"))
def sqlalchemy_lazy_collection():
    """Lazy loading of each author's books."""
    with Session(ENGINE) as session:
        for author in session.query(Author).order_by(Author.id):
            assert len(author.books) == 3


@case(loop("proven", "from authors where authors.id =", 24, "from books order by", "books_author_id"))
def sqlalchemy_lazy_many_to_one():
    """The author of each book; the session knows those it has seen."""
    with Session(ENGINE) as session:
        for book in session.query(Book).order_by(Book.id).all():
            assert book.author.name


@case(loop("proven", BOOKS_OF, 24, "from authors order by", "authors_id"),
      loop("chained", REVIEWS_OF, 72, BOOKS_OF, "books_id"))
def sqlalchemy_lazy_nested():
    """Authors, books, reviews."""
    with Session(ENGINE) as session:
        for author in session.query(Author).order_by(Author.id).all():
            for book in author.books:
                assert len(book.reviews) == 3


@case(loop("interleaved", BOOKS_OF, 48, "from authors order by", "authors_id"))
def sqlalchemy_lazy_two():
    """Books and publisher of each author, whose publishers are all different."""
    with Session(ENGINE) as session:
        for author in session.query(Author).order_by(Author.id).all():
            assert author.books and author.publisher.name


@case(loop("proven", "select count(*) as count_1 from books where", 24, "from authors", "id"))
def sqlalchemy_core_count():
    """A count for each row of a Core query."""
    with ENGINE.connect() as connection:
        for (key,) in connection.execute(select(Author.id).order_by(Author.id)).all():
            connection.execute(select(func.count()).select_from(Book).where(Book.author_id == key)).scalar()


@case(loop("repeated", "from authors where authors.id =", 40))
def sqlalchemy_get_by_key():
    """Keys that came from elsewhere, asked for one by one, those that don't exist included."""
    with Session(ENGINE) as session:
        for n in range(40):
            session.get(Author, 2000 + n * 7919 % 101)


@case(loop("duplicate", "from books where books.id =", 8))
def sqlalchemy_refresh():
    """The same row refreshed again and again."""
    with Session(ENGINE) as session:
        book = session.query(Book).order_by(Book.id).first()
        for _ in range(8):
            session.refresh(book)


@case()
def sqlalchemy_selectinload():
    """The collections with one query each."""
    with Session(ENGINE) as session:
        query = select(Author).options(selectinload(Author.books).selectinload(Book.reviews))
        for author in session.execute(query).scalars():
            assert all(len(book.reviews) == 3 for book in author.books)


@case()
def sqlalchemy_joinedload():
    """The collections by a join."""
    with Session(ENGINE) as session:
        for author in session.query(Author).options(joinedload(Author.books)):
            assert len(author.books) == 3


@case()
def sqlalchemy_subqueryload():
    """The collections by a subquery."""
    with Session(ENGINE) as session:
        for author in session.query(Author).options(subqueryload(Author.books)):
            assert len(author.books) == 3


@case()
def sqlalchemy_short_sessions():
    """Requests with a session each, some 80 ms apart, from a pool that asks SELECT 1 first."""
    for n in range(12):
        with Session(ENGINE) as session:
            session.get(Author, 1000 + 7 * (1 + n) + (1 + n) % 3)
        time.sleep(0.08)


@case()
def sqlalchemy_keyset_pages():
    """Pages that begin behind the last row of the page before."""
    with Session(ENGINE) as session:
        last = 0
        while rows := session.query(Review).filter(Review.id > last).order_by(Review.id).limit(20).all():
            last = rows[-1].id


@case()
def sqlalchemy_offset_pages():
    """Pages by OFFSET."""
    with Session(ENGINE) as session:
        for page in range(9):
            session.execute(select(Review).order_by(Review.id).limit(25).offset(25 * page)).all()


@case()
def sqlalchemy_flush():
    """New objects and changed ones, written one by one."""
    with Session(ENGINE) as session:
        session.add_all(Job(state="new", payload=f"more {n}") for n in range(20))
        session.flush()
        for book in session.query(Book).order_by(Book.id).limit(20):
            book.price += 1
        session.commit()


@case()
def sqlalchemy_claim_jobs():
    """A worker that locks, works and marks, one job a transaction."""
    for _ in range(20):
        with Session(ENGINE) as session:
            job = session.query(Job).filter_by(state="new").order_by(Job.id).limit(1).with_for_update().one()
            job.state = "done"
            session.commit()


@case()
def sqlalchemy_streamed():
    """Rows from a cursor on the server."""
    with ENGINE.connect().execution_options(stream_results=True, max_row_buffer=20) as connection:
        assert len(connection.execute(text("SELECT id FROM reviews")).all()) == 216


main()
