//! A fault: what it does, and how it is undone.

use deploy::failure::Failure;

use super::cluster::Cluster;

/// Something that goes wrong. All but [`Fault::inject`] are asked ten times a second and do not
/// wait.
pub(super) trait Fault {
    /// Begins; says what is hit.
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure>;

    /// Goes on.
    fn go_on(&mut self, _: &mut Cluster) -> Result<(), Failure> {
        Ok(())
    }

    /// Takes the cause away.
    fn heal(&mut self, cluster: &mut Cluster) -> Result<(), Failure>;

    /// Returns true once the component has recovered after the fault was healed.
    fn is_over(&mut self, _: &mut Cluster) -> Result<bool, Failure> {
        Ok(true)
    }
}
