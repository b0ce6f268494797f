//! Input of the decoders.

/// The parts of a raw record that decoding needs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Source<'a> {
    /// Its value.
    pub(crate) payload: &'a [u8],
    /// Header `content-type`.
    pub(crate) content_type: Option<&'a str>,
    /// Its key.
    pub(crate) key: Option<&'a [u8]>,
}
