"""Render a report for people and for CI. Its JSON form is in `report.py`.

tables.py     a report's tables (table.py) as text, figures formatted by figures.py; the next two render them
markdown.py   Markdown, for a README or a pull request
page.py       one self-contained HTML file with plots (plots.py)
accuracy_*.py error rates: tables of them; their part of the page; the overlay of reference and diarization
readme.py     regenerates the tables of a document from reports; projection.py: the T4 projection as text
history.py    a table of several hosts' reports over time; history_page.py plots them
junit.py      JUnit XML, for CI: a test case for each recording and engine
"""
