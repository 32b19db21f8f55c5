"""Prints a page as PDF, as a process of its own: HTML on standard input, PDF on standard output. It loads nothing.

`python -m flagtrail.reports._print IDENTIFIER`. Laying out hundreds of pages takes long and much memory; in
a process of its own it holds up no request and gives all of it back. Exit code 3: WeasyPrint is not
installed; 4: a library of the system that it needs is missing; standard error says which.
"""

from __future__ import annotations

import logging
import sys

NOT_INSTALLED, NO_LIBRARY = 3, 4


def main(identifier: str) -> int:
    """Read, lay out, write."""
    try:
        import weasyprint
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error.name}")
        return NOT_INSTALLED
    except OSError as error:  # it loads Pango when it is imported
        sys.stderr.write(str(error).splitlines()[0])
        return NO_LIBRARY
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)
    logging.getLogger("fontTools").setLevel(logging.CRITICAL)
    nothing = weasyprint.urls.URLFetcher(allowed_protocols=())
    page = weasyprint.HTML(string=sys.stdin.buffer.read().decode(), url_fetcher=nothing)
    written = page.write_pdf(pdf_identifier=identifier.encode(), pdf_tags=True)
    sys.stdout.buffer.write(written)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
