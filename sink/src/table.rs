//! Tables: columns of the same length.

use crate::column::{Column, text, varint};

/// Reason for which a record has no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfit(pub(crate) &'static str);

/// Columns of one length.
pub(crate) trait Columns: Default + Send + Sync + 'static {
    /// The table's name in ClickHouse.
    const NAME: &'static str;

    /// Returns the number of rows.
    fn rows(&self) -> usize;

    /// Returns names and values.
    fn columns(&self) -> Vec<(&'static str, &dyn Column)>;

    /// Removes all rows and keeps their memory.
    fn clear(&mut self);
}

/// Columns that several tables have.
pub(crate) trait Part {
    /// Returns names and values.
    fn columns(&self) -> impl Iterator<Item = (&'static str, &dyn Column)>;

    /// Removes all rows and keeps their memory.
    fn clear(&mut self);
}

/// A table with the records of which its rows are made.
pub(crate) trait Table: Columns {
    /// A record may have any number of rows.
    type Record: schemas::Record;

    /// Adds the rows of a record: all or, if it does not fit, none.
    ///
    /// # Errors
    /// When a value has no place in the table.
    fn add(&mut self, record: &Self::Record) -> Result<(), Unfit>;

    /// Returns the time at which what a record tells happened, µs since the Unix epoch, if the table may do
    /// without old records.
    fn happened_us(_: &Self::Record) -> Option<i64> {
        None
    }

    /// Hours, in seconds since the Unix epoch, whose roll-ups the rows make stale.
    fn hours(&self) -> Vec<u32> {
        Vec::new()
    }

    /// Minutes whose roll-ups the rows make stale, as for hours.
    fn minutes(&self) -> Vec<u32> {
        Vec::new()
    }
}

/// The statement that inserts into `T`.
pub(crate) fn insert_into<T: Columns>(table: &T) -> String {
    let names = table.columns().iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    format!("INSERT INTO {} ({names}) FORMAT Native", T::NAME)
}

/// The rows as one block of the Native format, in pieces: a block is too long for one buffer.
pub(crate) fn pieces<T: Columns>(table: &T) -> impl Iterator<Item = Vec<u8>> {
    let columns = table.columns();
    let mut head = Vec::new();
    varint(columns.len() as u64, &mut head);
    varint(table.rows() as u64, &mut head);
    std::iter::once(head).chain(columns.into_iter().map(|(name, column)| {
        let mut piece = Vec::new();
        text(name, &mut piece);
        text(&column.data_type(), &mut piece);
        column.write(&mut piece);
        piece
    }))
}

/// Defines a table: its columns in order, each with its type and its value for a row, and after a
/// semicolon parts that other tables have, too.
macro_rules! table {
    (
        $(#[$meta:meta])*
        $table:ident, $name:literal, |$row:ident: $from:ty| {
            $($column:ident: $kind:ty = $value:expr,)*
            $(; $($part:ident: $columns:ty = $from_part:expr,)*)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        pub(crate) struct $table {
            rows: usize,
            $($column: $kind,)*
            $($($part: $columns,)*)?
        }

        impl $table {
            fn push(&mut self, $row: &$from) {
                $(self.$column.push($value);)*
                $($(self.$part.push($from_part);)*)?
                self.rows += 1;
            }
        }

        impl $crate::table::Columns for $table {
            const NAME: &'static str = $name;

            fn rows(&self) -> usize {
                self.rows
            }

            fn columns(&self) -> Vec<(&'static str, &dyn $crate::column::Column)> {
                #[allow(unused_mut, reason = "not every table has parts")]
                let mut columns = vec![
                    $((stringify!($column), &self.$column as &dyn $crate::column::Column)),*
                ];
                $($(columns.extend($crate::table::Part::columns(&self.$part));)*)?
                columns
            }

            fn clear(&mut self) {
                $($crate::column::Column::clear(&mut self.$column);)*
                $($($crate::table::Part::clear(&mut self.$part);)*)?
                self.rows = 0;
            }
        }
    };
}
pub(crate) use table;
