#!/usr/bin/env python3
"""Prints "PASSED FAILED" of a JUnit report; a report that isn't there or can't be read is one failure."""
import sys
import xml.etree.ElementTree as tree

try:
    suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
    total, bad = int(suite.get("tests")), int(suite.get("failures")) + int(suite.get("errors"))
    print(max(total - bad - int(suite.get("skipped")), 0), bad)
except (OSError, tree.ParseError, AttributeError):
    print(0, 1)
