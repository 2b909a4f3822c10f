//! Tables of records, read and written as streams.
