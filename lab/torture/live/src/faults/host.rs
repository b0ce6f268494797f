//! Faults of the machine.

use deploy::failure::Failure;
use nix::sys::signal::Signal;

use super::super::cluster::Cluster;
use super::super::fault::Fault;

/// Stops and continues every process, like a paused virtual machine: connections stay open, and
/// clocks have advanced.
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
        // Includes processes that were started to replace stopped ones.
        cluster.signal_all(Signal::SIGCONT);
        Ok(cluster.kafka.is_in_sync())
    }
}
