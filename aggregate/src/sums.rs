//! Sums that take 32 bits each as long as all of them fit.

use crate::block::weights;

/// Sums of `N` quantities. A block has many, and nearly all of them are small.
#[derive(Clone, Debug)]
pub(crate) enum Sums<const N: usize> {
    Short([i32; N]),
    Long(Box<[i64; N]>),
}

impl<const N: usize> Default for Sums<N> {
    fn default() -> Self {
        Self::Short([0; N])
    }
}

impl<const N: usize> Sums<N> {
    /// Adds `more`, modulo 2⁶⁴. Returns the weight of the memory that was allocated for it, bytes.
    pub(crate) fn add(&mut self, more: &[i64; N]) -> usize {
        match self {
            Self::Long(sums) => {
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum = sum.wrapping_add(*more));
                0
            }
            Self::Short(short) => {
                let mut sums = short.map(i64::from);
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum = sum.wrapping_add(*more));
                #[expect(clippy::cast_possible_truncation, reason = "compared below")]
                let shortened = sums.map(|sum| sum as i32);
                if shortened.map(i64::from) == sums {
                    *short = shortened;
                    return 0;
                }
                *self = Self::Long(Box::new(sums));
                N * weights::LONG_SUM
            }
        }
    }

    /// Returns the sums.
    pub(crate) fn values(&self) -> [i64; N] {
        match self {
            Self::Short(sums) => sums.map(i64::from),
            Self::Long(sums) => **sums,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Sums;

    #[test]
    fn sums_are_those_of_64_bits_however_great() {
        let most = i64::from(i32::MAX);
        let values = [[1, -1], [most, -most], [-5, 0], [i64::MAX, i64::MIN], [i64::MAX, -7]];
        let (mut sums, mut expected, mut grown) = (Sums::<2>::default(), [0_i64; 2], Vec::new());
        for more in values {
            grown.push(sums.add(&more));
            expected = std::array::from_fn(|at| expected[at].wrapping_add(more[at]));
            assert_eq!(sums.values(), expected);
        }
        assert_eq!(grown, [0, 18, 0, 0, 0], "allocated once, when the first sum needs 64 bits");
    }
}
