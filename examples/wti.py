"""Writes examples/wti.csv: daily spot prices of West Texas Intermediate crude oil, in dollars per barrel.

The prices are those of the U.S. Energy Information Administration (series RWTC, at the Federal Reserve's FRED
as DCOILWTICO), a work of the United States government and in the public domain. They are taken as the Python
package `arch` carries them:

    pip download --no-deps arch==8.0.0
    python examples/wti.py arch-8.0.0-*.whl > examples/wti.csv
"""

import csv
import datetime
import gzip
import io
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1]) as package:
    rows = csv.DictReader(io.StringIO(gzip.decompress(package.read("arch/data/wti/wti.csv.gz")).decode()))
    print("date,close")
    for row in rows:
        # Days without trade have a full stop.
        if row["DCOILWTICO"] != ".":
            day = datetime.datetime.strptime(row["Date"], "%m/%d/%Y").date()
            print(f"{day},{float(row['DCOILWTICO']):.2f}")
