//! The ledger compared with a plain model, for any order of events.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeSet, HashSet};

use proptest::prelude::*;
use service::{Commit, Input, Ledger, LedgerError, Offset, Partition, Source, Ticket};

#[derive(Clone, Debug)]
enum Event {
    Assign(i32),
    Revoke(i32),
    Open(i32, usize),
    /// Closes one of all tickets ever opened, including closed ones and those of earlier
    /// assignments.
    Close(prop::sample::Index),
    Checkpoint(i32),
    TakeCommits,
}

fn event() -> impl Strategy<Value = Event> {
    let partition = 0..3_i32;
    prop_oneof![
        1 => partition.clone().prop_map(Event::Assign),
        1 => partition.clone().prop_map(Event::Revoke),
        8 => (partition.clone(), 0..100_usize).prop_map(|(p, bytes)| Event::Open(p, bytes)),
        8 => any::<prop::sample::Index>().prop_map(Event::Close),
        4 => partition.prop_map(Event::Checkpoint),
        2 => Just(Event::TakeCommits),
    ]
}

fn source(partition: i32) -> Source {
    Source { input: Input(0), partition: Partition(partition) }
}

/// State of a partition: open tickets with their bytes, and checkpoints that are not taken yet with
/// the tickets that they wait for.
#[derive(Default)]
struct Model {
    assigned: bool,
    /// All tickets of the present assignment.
    current: HashSet<Ticket>,
    open: Vec<(Ticket, usize)>,
    checkpoints: Vec<(Offset, BTreeSet<u64>)>,
}

impl Model {
    fn take(&mut self) -> Option<Offset> {
        let open = self.open.iter().map(|(ticket, _)| ticket.number).collect::<BTreeSet<_>>();
        let ready = self.checkpoints.iter().rposition(|(_, waits)| waits.is_disjoint(&open))?;
        self.checkpoints.drain(..=ready).next_back().map(|(offset, _)| offset)
    }
}

proptest! {
    #[test]
    fn only_what_waits_for_nothing_is_committed_and_the_newest_of_it_always_is(
        events in prop::collection::vec(event(), 0..200)
    ) {
        let mut ledger = Ledger::default();
        let mut models = [Model::default(), Model::default(), Model::default()];
        let mut tickets = Vec::new();
        let mut closed = HashSet::new();
        for (time, event) in events.into_iter().enumerate() {
            match event {
                Event::Assign(partition) => {
                    ledger.assign(source(partition));
                    models[partition as usize] = Model { assigned: true, ..Model::default() };
                }
                Event::Revoke(partition) => {
                    ledger.revoke(source(partition));
                    models[partition as usize] = Model::default();
                }
                Event::Open(partition, bytes) => {
                    let ticket = ledger.open(source(partition), bytes);
                    tickets.push(ticket);
                    if models[partition as usize].assigned {
                        models[partition as usize].open.push((ticket, bytes));
                        models[partition as usize].current.insert(ticket);
                    }
                }
                Event::Close(index) if !tickets.is_empty() => {
                    let ticket = *index.get(&tickets);
                    // Tickets of an earlier assignment are ignored; of the present one each is closed once.
                    let model = &models[ticket.source.partition.0 as usize];
                    let again = model.current.contains(&ticket) && !closed.insert(ticket);
                    let expected = if again { Err(LedgerError::ClosedTwice(ticket)) } else { Ok(()) };
                    prop_assert_eq!(ledger.close(ticket), expected);
                    let model = &mut models[ticket.source.partition.0 as usize];
                    model.open.retain(|(open, _)| *open != ticket);
                }
                Event::Close(_) => {}
                Event::Checkpoint(partition) => {
                    let offset = Offset(i64::try_from(time).unwrap());
                    ledger.checkpoint(source(partition), offset, &time.to_string());
                    let model = &mut models[partition as usize];
                    if model.assigned {
                        let waits = model.open.iter().map(|(ticket, _)| ticket.number).collect();
                        model.checkpoints.push((offset, waits));
                    }
                }
                Event::TakeCommits => {
                    let expected = (0..3).filter_map(|partition| {
                        let offset = models[partition as usize].take()?;
                        let metadata = offset.to_string();
                        Some(Commit { source: source(partition), offset, metadata })
                    });
                    prop_assert_eq!(expected.collect::<Vec<_>>(), ledger.take_commits());
                }
            }
            let open = models.iter().flat_map(|model| &model.open);
            prop_assert_eq!(ledger.bytes(), open.clone().map(|(_, bytes)| bytes).sum::<usize>());
            prop_assert_eq!(ledger.is_settled(), open.count() == 0);
        }
    }
}

#[test]
fn an_acknowledgement_of_an_earlier_assignment_is_ignored() {
    let mut ledger = Ledger::default();
    ledger.assign(source(0));
    let old = ledger.open(source(0), 10);
    ledger.assign(source(0));
    let new = ledger.open(source(0), 10);
    ledger.checkpoint(source(0), Offset(5), "");
    assert_eq!(ledger.close(old), Ok(()));
    assert!(ledger.take_commits().is_empty());
    assert_eq!(ledger.close(new), Ok(()));
    assert_eq!(ledger.take_commits().len(), 1);
}

#[test]
fn a_second_or_unfounded_acknowledgement_is_an_error_and_changes_nothing() {
    let mut ledger = Ledger::default();
    ledger.assign(source(0));
    let (first, second) = (ledger.open(source(0), 10), ledger.open(source(0), 20));
    ledger.checkpoint(source(0), Offset(5), "");
    // Closed, but kept behind the first; then closed and removed.
    assert_eq!(ledger.close(second), Ok(()));
    assert_eq!(ledger.close(second), Err(LedgerError::ClosedTwice(second)));
    assert_eq!((ledger.bytes(), ledger.is_settled()), (10, false));
    assert!(ledger.take_commits().is_empty(), "the first write is open");
    assert_eq!(ledger.close(first), Ok(()));
    assert_eq!(ledger.close(first), Err(LedgerError::ClosedTwice(first)));
    for never in [Ticket { number: 2, ..first }, Ticket { assignment: 2, ..first }] {
        assert_eq!(ledger.close(never), Err(LedgerError::NeverOpened(never)));
    }
    assert_eq!((ledger.bytes(), ledger.is_settled()), (0, true));
    assert_eq!(ledger.take_commits().len(), 1);
}
