//! Columns in ClickHouse's Native format.
//!
//! Native is ClickHouse's layout in memory. A wide row takes the server a third of the time that it
//! takes in `RowBinary`, mostly because dictionaries arrive complete.

use hashbrown::HashMap;

/// A column with one value per row.
pub(crate) trait Column: Send + Sync {
    /// Returns its type in ClickHouse.
    fn data_type(&self) -> String;
    /// Appends its values.
    fn write(&self, out: &mut Vec<u8>);
    /// Removes its values and keeps their memory.
    fn clear(&mut self);
}

/// A value of fixed width.
pub(crate) trait Fixed: Copy + Default + Send + Sync {
    const DATA_TYPE: &'static str;
    /// Bytes of a value.
    const WIDTH: usize;
    /// Writes the value to `place`, which has [`Self::WIDTH`] bytes.
    fn put(self, place: &mut [u8]);
}

/// Appends `values` in one loop, which the compiler turns into one copy.
pub(crate) fn write_all<T: Fixed>(values: &[T], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + values.len() * T::WIDTH, 0);
    let places = out[start..].chunks_exact_mut(T::WIDTH);
    places.zip(values).for_each(|(place, value)| value.put(place));
}

macro_rules! fixed {
    ($($number:ty => $name:literal),*) => { $(impl Fixed for $number {
        const DATA_TYPE: &'static str = $name;
        const WIDTH: usize = size_of::<$number>();
        fn put(self, place: &mut [u8]) {
            place.copy_from_slice(&self.to_le_bytes());
        }
    })* };
}
fixed!(u8 => "UInt8", u16 => "UInt16", u32 => "UInt32", u64 => "UInt64", i32 => "Int32", i64 => "Int64");

impl Fixed for bool {
    const DATA_TYPE: &'static str = "Bool";
    const WIDTH: usize = u8::WIDTH;
    fn put(self, place: &mut [u8]) {
        u8::from(self).put(place);
    }
}

/// Seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seconds(pub(crate) u32);

impl Fixed for Seconds {
    const DATA_TYPE: &'static str = "DateTime('UTC')";
    const WIDTH: usize = u32::WIDTH;
    fn put(self, place: &mut [u8]) {
        self.0.put(place);
    }
}

/// Microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Micros(pub(crate) i64);

impl Fixed for Micros {
    const DATA_TYPE: &'static str = "DateTime64(6, 'UTC')";
    const WIDTH: usize = i64::WIDTH;
    fn put(self, place: &mut [u8]) {
        self.0.put(place);
    }
}

/// Values of a column that is not nullable.
#[derive(Debug, Default)]
pub(crate) struct Plain<T>(pub(crate) Vec<T>);

impl<T> Plain<T> {
    pub(crate) fn push(&mut self, value: T) {
        self.0.push(value);
    }
}

impl<T: Fixed> Column for Plain<T> {
    fn data_type(&self) -> String {
        T::DATA_TYPE.to_owned()
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_all(&self.0, out);
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Values of a nullable column. Missing is not the same as 0.
#[derive(Debug, Default)]
pub(crate) struct Optional<T> {
    missing: Vec<u8>,
    values: Vec<T>,
}

impl<T: Fixed> Optional<T> {
    pub(crate) fn push(&mut self, value: Option<T>) {
        self.missing.push(u8::from(value.is_none()));
        self.values.push(value.unwrap_or_default());
    }
}

impl<T: Fixed> Column for Optional<T> {
    fn data_type(&self) -> String {
        format!("Nullable({})", T::DATA_TYPE)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.missing);
        write_all(&self.values, out);
    }

    fn clear(&mut self) {
        self.missing.clear();
        self.values.clear();
    }
}

/// Texts that rarely repeat.
#[derive(Debug, Default)]
pub(crate) struct Text(Vec<u8>);

impl Text {
    pub(crate) fn push(&mut self, value: &str) {
        text(value, &mut self.0);
    }
}

impl Column for Text {
    fn data_type(&self) -> String {
        "String".to_owned()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Texts that repeat, as positions in a dictionary.
#[derive(Debug, Default)]
pub(crate) struct LowCardinality {
    places: HashMap<Box<str>, u32>,
    /// The dictionary in the form in which it is written.
    dictionary: Vec<u8>,
    rows: Vec<u32>,
    /// Text of the last row, and its position in the dictionary.
    last: Option<(String, u32)>,
}

impl LowCardinality {
    pub(crate) fn push(&mut self, word: &str) {
        // The rows of one report mostly have the same text.
        let place = match &self.last {
            Some((last, place)) if last == word => *place,
            _ => self.place(word),
        };
        self.rows.push(place);
    }

    fn place(&mut self, word: &str) -> u32 {
        let place = match self.places.get(word) {
            Some(&place) => place,
            None => {
                #[expect(clippy::cast_possible_truncation, reason = "fewer words than rows")]
                let place = self.places.len() as u32;
                text(word, &mut self.dictionary);
                self.places.insert(word.into(), place);
                place
            }
        };
        let (last, last_place) = self.last.get_or_insert_default();
        last.clear();
        last.push_str(word);
        *last_place = place;
        place
    }
}

/// ClickHouse's serialization version of dictionaries that are sent with their keys.
const SHARED_DICTIONARIES_WITH_ADDITIONAL_KEYS: u64 = 1;
const HAS_ADDITIONAL_KEYS: u64 = 1 << 9;

impl Column for LowCardinality {
    fn data_type(&self) -> String {
        "LowCardinality(String)".to_owned()
    }

    fn write(&self, out: &mut Vec<u8>) {
        let words = self.places.len();
        let width = match words {
            0..=0x100 => 0_u64,
            0x101..=0x1_0000 => 1,
            _ => 2,
        };
        let header =
            [SHARED_DICTIONARIES_WITH_ADDITIONAL_KEYS, HAS_ADDITIONAL_KEYS | width, words as u64];
        header.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        out.extend_from_slice(&self.dictionary);
        out.extend_from_slice(&(self.rows.len() as u64).to_le_bytes());
        match width {
            0 => out.extend(self.rows.iter().map(|row| *row as u8)),
            1 => out.extend(self.rows.iter().flat_map(|row| (*row as u16).to_le_bytes())),
            _ => write_all(&self.rows, out),
        }
    }

    fn clear(&mut self) {
        self.places.clear();
        self.dictionary.clear();
        self.rows.clear();
        self.last = None;
    }
}

/// Sketches as the bytes of ClickHouse states; views convert them to states.
#[derive(Debug, Default)]
pub(crate) struct States(Vec<u8>);

impl States {
    /// Appends a state, which must be valid ([`schemas::sketch::is_written_state`]): an invalid one makes
    /// every query that reads it fail.
    pub(crate) fn push(&mut self, state: &[u8]) {
        varint(state.len() as u64, &mut self.0);
        self.0.extend_from_slice(state);
    }
}

impl Column for States {
    fn data_type(&self) -> String {
        "String".to_owned()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Values of a [`ByName`].
pub(crate) trait Values: Default + Send + Sync {
    type Value<'a>;
    const DATA_TYPE: &'static str;
    fn push(&mut self, value: Self::Value<'_>);
    fn write(&self, out: &mut Vec<u8>);
    fn clear(&mut self);
}

impl Values for Vec<i64> {
    type Value<'a> = i64;
    const DATA_TYPE: &'static str = i64::DATA_TYPE;
    fn push(&mut self, value: i64) {
        self.push(value);
    }
    fn write(&self, out: &mut Vec<u8>) {
        write_all(self, out);
    }
    fn clear(&mut self) {
        self.clear();
    }
}

impl Values for Text {
    type Value<'a> = &'a str;
    const DATA_TYPE: &'static str = "String";
    fn push(&mut self, value: &str) {
        self.push(value);
    }
    fn write(&self, out: &mut Vec<u8>) {
        Column::write(self, out);
    }
    fn clear(&mut self) {
        Column::clear(self);
    }
}

/// Values by name, any number of them per row.
#[derive(Debug, Default)]
pub(crate) struct ByName<V> {
    /// Entries up to and with each row.
    ends: Vec<u64>,
    entries: u64,
    names: Text,
    values: V,
}

impl<V: Values> ByName<V> {
    pub(crate) fn push<'a>(&mut self, row: impl IntoIterator<Item = (&'a str, V::Value<'a>)>) {
        for (name, value) in row {
            self.names.push(name);
            self.values.push(value);
            self.entries += 1;
        }
        self.ends.push(self.entries);
    }
}

impl<V: Values> Column for ByName<V> {
    fn data_type(&self) -> String {
        format!("Map(String, {})", V::DATA_TYPE)
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_all(&self.ends, out);
        Column::write(&self.names, out);
        self.values.write(out);
    }

    fn clear(&mut self) {
        self.ends.clear();
        self.entries = 0;
        Column::clear(&mut self.names);
        self.values.clear();
    }
}

/// Appends `number`, seven bits per byte, the least significant first.
pub(crate) fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends the length of `value` and its bytes.
pub(crate) fn text(value: &str, out: &mut Vec<u8>) {
    varint(value.len() as u64, out);
    out.extend_from_slice(value.as_bytes());
}
