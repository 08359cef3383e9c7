-- Records train/src/test/resources/dev/xiaolu/data/documents-*.parquet with DuckDB 1.3.2, from that folder, on 2026-11-23.
-- Three thousand rows in two row groups: row n holds 'document n', but every seventh is null, every eleventh empty, every fifth has letters beyond ASCII.
CREATE TABLE documents AS SELECT n AS id,
    CASE WHEN n % 7 = 0 THEN NULL WHEN n % 11 = 0 THEN '' WHEN n % 5 = 0 THEN 'document ' || n || ' – ünïcode 名字 🦌' ELSE 'document ' || n END AS text
    FROM range(3000) t(n);
COPY documents TO 'documents-snappy.parquet' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 2048);
COPY documents TO 'documents-zstd.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048);
