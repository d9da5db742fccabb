"""Spreadsheets of people: read, checked row by row, posted through the gateway; what is wrong goes into a file to correct
and import again.
"""
