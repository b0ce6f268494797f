//! The interface of faults.

use deploy::failure::Failure;

use super::cluster::Cluster;

/// A fault. All methods but [`Fault::inject`] are called ten times a second and do not block.
pub(super) trait Fault {
    /// Injects the fault, and returns the name of the affected component.
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure>;

    /// Continues the fault.
    fn go_on(&mut self, _: &mut Cluster) -> Result<(), Failure> {
        Ok(())
    }

    /// Heals the fault.
    fn heal(&mut self, cluster: &mut Cluster) -> Result<(), Failure>;

    /// Returns true once the component has recovered after the fault was healed.
    fn is_over(&mut self, _: &mut Cluster) -> Result<bool, Failure> {
        Ok(true)
    }
}
