//! Faults of the machine.

use deploy::failure::Failure;
use nix::sys::signal::Signal;

use super::super::cluster::Cluster;
use super::super::fault::Fault;

/// Every process stands still, as when a virtual machine is paused, and goes on as if nothing had
/// been: connections are there, and clocks have gone on.
pub(super) struct Stopped;

impl Fault for Stopped {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        cluster.signal_all(Signal::SIGSTOP);
        Ok("every process of services, Kafka, ClickHouse and clients".to_owned())
    }

    fn heal(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        cluster.signal_all(Signal::SIGCONT);
        Ok(())
    }

    fn is_over(&mut self, cluster: &mut Cluster) -> Result<bool, Failure> {
        // Whoever was started in place of one that stood still is here, too.
        cluster.signal_all(Signal::SIGCONT);
        Ok(cluster.kafka.is_in_sync())
    }
}
