-- A book shop. Ids of different tables don't overlap and rise unevenly, as in a database with a past:
-- what looks alike here is alike.
CREATE TABLE publishers (id int PRIMARY KEY, name text NOT NULL, city text);
CREATE TABLE authors (id int PRIMARY KEY, name text NOT NULL, publisher_id int REFERENCES publishers, active bool NOT NULL);
CREATE TABLE books (id bigint PRIMARY KEY, author_id int REFERENCES authors, editor_id int REFERENCES authors,
                    title text NOT NULL, price numeric(8,2) NOT NULL);
CREATE TABLE reviews (id bigint PRIMARY KEY, book_id bigint REFERENCES books, stars int NOT NULL, body text);
CREATE TABLE tags (id int PRIMARY KEY, name text UNIQUE NOT NULL);
CREATE TABLE book_tags (id serial PRIMARY KEY, book_id bigint REFERENCES books, tag_id int REFERENCES tags);
CREATE TABLE categories (id int PRIMARY KEY, parent_id int REFERENCES categories, name text NOT NULL);
CREATE TABLE stock (sku uuid PRIMARY KEY, book_id bigint REFERENCES books, pieces int NOT NULL);
CREATE TABLE settings (name text PRIMARY KEY, value text);
CREATE TABLE kv (k text PRIMARY KEY, v text);
CREATE TABLE jobs (id serial PRIMARY KEY, state text NOT NULL, payload text);

INSERT INTO publishers SELECT 300 + 11 * n, 'publisher ' || n, 'city ' || n % 5 FROM generate_series(1, 24) n;
INSERT INTO authors SELECT 1000 + 7 * n + n % 3, 'author ' || n, 300 + 11 * (1 + n * 5 % 24), n % 4 <> 0
  FROM generate_series(1, 24) n;
INSERT INTO books SELECT 50000 + 13 * n + n % 5, 1000 + 7 * (1 + (n - 1) / 3) + (1 + (n - 1) / 3) % 3,
  CASE WHEN n % 3 = 0 THEN 1000 + 7 * (1 + n * 5 % 24) + (1 + n * 5 % 24) % 3 END, 'book ' || n, 5 + n % 40
  FROM generate_series(1, 72) n;
INSERT INTO reviews SELECT 900000 + 3 * n + n % 2, 50000 + 13 * (1 + (n - 1) / 3) + (1 + (n - 1) / 3) % 5, 1 + n % 5,
  'review ' || n FROM generate_series(1, 216) n;
INSERT INTO tags SELECT 20 + n, 'tag ' || n FROM generate_series(1, 12) n;
INSERT INTO book_tags (book_id, tag_id) SELECT 50000 + 13 * n + n % 5, 21 + (n * 7 + m * 5) % 12
  FROM generate_series(1, 72) n, generate_series(1, 2) m;
INSERT INTO categories SELECT 7000 + 17 * n, CASE WHEN n > 1 THEN 7000 + 17 * ((n + 1) / 3) END, 'category ' || n
  FROM generate_series(1, 40) n;
INSERT INTO categories SELECT 8000 + 19 * n, CASE WHEN n > 1 THEN 8000 + 19 * (n - 1) END, 'deep ' || n
  FROM generate_series(1, 15) n;
INSERT INTO stock SELECT md5(n::text)::uuid, 50000 + 13 * n + n % 5, n % 9 FROM generate_series(1, 72) n;
INSERT INTO settings SELECT 'setting ' || n, 'value ' || n FROM generate_series(1, 10) n;
INSERT INTO kv SELECT 'key ' || n, 'value ' || n FROM generate_series(1, 2000) n;
INSERT INTO jobs (state, payload) SELECT 'new', 'job ' || n FROM generate_series(1, 40) n;
ANALYZE;
