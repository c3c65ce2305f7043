"""A report as people and other programs read it; JSON is the report's own form.

tables.py     a report's tables, in words (words.py): what the next two have in common
markdown.py   for a README or a pull request
page.py       one HTML file with plots (plots.py), which needs nothing from anywhere
readme.py     tables of a document, made anew from reports; projected.py: what a T4 would take, in words
history.py    reports of hosts over time, and history_page.py draws them
junit.py      for CI: a case for each recording and engine
"""
