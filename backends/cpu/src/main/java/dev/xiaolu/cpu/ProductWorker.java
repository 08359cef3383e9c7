package dev.xiaolu.cpu;

/// What one thread does for a matrix product; the kernel shares the work out. Each way of multiplying is one implementation, and all give the same bits.
///
/// Rows and columns are those of the result, `from` inclusive, `to` exclusive; columns are cut at multiples of [Tile#COLUMNS]. One thread at a time.
interface ProductWorker extends AutoCloseable {
    /// The worker of this machine.
    static ProductWorker create() {
        return MachineCode.available() ? new CodedWorker() : new MatMulWorker();
    }

    /// Computes some columns of one product alone, packing what it needs.
    void alone(Product product, long index, int fromColumn, int toColumn);

    /// Copies what was computed of a symmetric product to the other side of the diagonal, for some rows; `fromRow` is a multiple of the vectors' lanes. Nothing to do where all of it was computed.
    default void mirror(Product product, long index, int fromRow, int toRow) {}

    /// Whether the columns of a product are packed before they are multiplied.
    default boolean packs(Product product) {
        return true;
    }

    /// Packs some columns into memory that the team shares.
    void pack(Product product, long index, int fromColumn, int toColumn, PackedColumns into);

    /// Computes some rows and columns of one product whose columns are packed, if they are; rows are packed here where that helps.
    void multiply(Product product, long index, int fromRow, int toRow, int fromColumn, int toColumn, PackedColumns packed);

    @Override void close();
}
