-- The sample data: 200 guilds, 10,000 users, 120,000 messages, 30,000 bets, always the same.
-- pick(n, salt) is a number that looks random and isn't.

CREATE FUNCTION pg_temp.pick(n bigint, salt int, below int) RETURNS int IMMUTABLE LANGUAGE sql AS
    'SELECT (hashint8extended(n, salt) & 2147483647)::int % below';

INSERT INTO guilds
SELECT n, 'Guild ' || n, (ARRAY['de', 'en', 'es', 'fr', 'pt'])[1 + pg_temp.pick(n, 1, 5)],
       jsonb_build_object('prefix', (ARRAY['!', '?', '/'])[1 + pg_temp.pick(n, 2, 3)], 'bets', n % 7 <> 0),
       timestamptz '2024-01-01 00:00Z' + n * interval '1 hour'
FROM generate_series(1, 200) n;

-- The first guilds are the large ones, as everywhere.
INSERT INTO users
SELECT n, 1 + least(pg_temp.pick(n, 3, 200), pg_temp.pick(n, 4, 200)), 'user' || n,
       1000 + pg_temp.pick(n, 5, 9000), timestamptz '2024-02-01 00:00Z' + n * interval '9 minutes'
FROM generate_series(1, 10000) n;

INSERT INTO messages (guild_id, user_id, content, sent_at)
SELECT u.guild_id, u.id,
       'Message ' || n || ': ' || repeat((ARRAY['kick off ', 'what odds? ', 'gg ', 'parlay '])[1 + pg_temp.pick(n, 6, 4)],
                                         1 + pg_temp.pick(n, 7, 12)),
       timestamptz '2025-01-01 00:00Z' + n * interval '4 minutes'
FROM generate_series(1, 120000) n JOIN users u ON u.id = 1 + pg_temp.pick(n, 8, 10000);

INSERT INTO bets (user_id, game, stake, odds, outcome, placed_at)
SELECT 1 + pg_temp.pick(n, 9, 10000), 'game ' || pg_temp.pick(n, 10, 380), 5 + pg_temp.pick(n, 11, 500),
       1.05 + pg_temp.pick(n, 12, 900) / 100.0, (ARRAY['open', 'won', 'lost', 'lost'])[1 + pg_temp.pick(n, 13, 4)],
       timestamptz '2025-01-01 00:00Z' + n * interval '16 minutes'
FROM generate_series(1, 30000) n;

CREATE INDEX messages_of_a_guild ON messages (guild_id, sent_at DESC);
CREATE INDEX users_of_a_guild ON users (guild_id, balance DESC);
CREATE INDEX bets_of_a_user ON bets (user_id, placed_at DESC);

-- Stands only when all of the above does.
CREATE TABLE loaded AS SELECT 1 AS version;
