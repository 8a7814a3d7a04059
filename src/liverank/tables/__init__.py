"""Tables in files (CSV, TSV, Parquet), read in pieces, for imports of events and for AutoML."""
