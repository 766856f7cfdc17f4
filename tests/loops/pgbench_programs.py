"""pgbench: one template, random keys, as fast as it goes. Nobody's loop."""
import subprocess
import tempfile

from cases import case, main

PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"


def pgbench(script, *options, transactions=300):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        subprocess.run([PGBENCH, "-n", "-t", str(transactions), *options, "-f", file.name], check=True,
                       capture_output=True)


LOOKUP = "\\set n random(1000, 1200)\nSELECT name FROM authors WHERE id = :n;\n"


@case()
def pgbench_simple():
    """Lookups with literals."""
    pgbench(LOOKUP)


@case()
def pgbench_prepared():
    """Lookups, prepared."""
    pgbench(LOOKUP, "-M", "prepared")


@case()
def pgbench_extended_clients():
    """Lookups, parsed each time, two sessions."""
    pgbench(LOOKUP, "-M", "extended", "-c", "2", transactions=220)


@case()
def pgbench_like_tpcb():
    """Read, change and write, each in a transaction."""
    pgbench("\\set n random(1, 72)\n\\set k random(1, 40)\nBEGIN;\n"
            "UPDATE jobs SET payload = 'x' WHERE id = :k;\nSELECT state FROM jobs WHERE id = :k;\n"
            "SELECT count(*) FROM reviews WHERE book_id = 50000 + :n;\nINSERT INTO jobs (state) VALUES ('new');\nEND;\n",
            transactions=80)


@case()
def pgbench_mixed():
    """Two lookups of different tables by different random keys."""
    pgbench("\\set n random(1000, 1200)\n\\set t random(21, 32)\nSELECT name FROM authors WHERE id = :n;\n"
            "SELECT name FROM tags WHERE id = :t;\n", transactions=150)


main()
