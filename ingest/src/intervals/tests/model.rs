//! The engine compared with an independent implementation of its rule, for any log.

use proptest::prelude::*;

use super::*;

/// Generates a log as after a bad network and leader changes: client times in any order, append
/// times that mostly increase, counters that reset, vanish or are absurd.
fn log() -> impl Strategy<Value = Vec<Appended<'static>>> {
    let number = prop_oneof![
        4 => (0_u32..1000).prop_map(f64::from),
        1 => prop_oneof![Just(f64::NAN), Just(-5.0), Just(1e300), Just(9e15)],
    ];
    let record = (-20_000_i64..60_000, 0_i64..40, 1_i64..3, number.clone(), number);
    prop::collection::vec(record, 1..60).prop_map(|records| {
        let mut at_ms = 1_000_000;
        let appended = |(step_ms, client_s, ssrc, packets, lost): (i64, i64, i64, f64, f64)| {
            at_ms += step_ms;
            let values = [(Counter::PacketsReceived, packets), (Counter::PacketsLost, lost)];
            let streams = vec![Stream { ssrc, ..stream(client_s * 1_000_000, &values) }];
            Appended { at_ms, event: stats(streams) }
        };
        records.into_iter().map(appended).collect()
    })
}

/// Implements the rule literally over the whole log: quadratic, and without state.
fn by_the_rule(log: &[Appended<'_>]) -> Vec<Observed> {
    let time_of_log = |position: usize| log[..=position].iter().map(|r| r.at_ms).max().unwrap();
    let observe = |position: usize| {
        let this = &log[position].event.streams[0];
        let before = (0..position)
            .filter(|earlier| time_of_log(*earlier) >= time_of_log(position) - HORIZON_MS)
            .map(|earlier| (time_of_log(earlier), &log[earlier].event.streams[0]))
            .filter(|(_, earlier)| earlier.ssrc == this.ssrc);
        let new = (time_of_log(position), this);
        let late = (time_of_log(position) - this.client_us / 1000).abs() > HORIZON_MS / 2;
        let mut content = NewContent { event: EventKind::Stats, ..NewContent::default() };
        let line = line(before);
        let Some(first) = line.first() else {
            content.is_unverified = late;
            return Observed::New(content);
        };
        let mut last = *first;
        for place in 1..line.len() {
            if comes_next(&line[..place], last, line[place]) {
                last = line[place];
            }
        }
        if !comes_next(&line, last, new) {
            return Observed::Duplicate;
        }
        let taken = |(at_ms, stream): Timed<'_>| Taken {
            client_us: stream.client_us,
            event_us: stream.client_us,
            first_ms: at_ms,
        };
        let length_us = taken(new).since_us(&taken(last));
        match this.values.since(&last.1.values, (this.kind, this.direction), length_us) {
            Change::Anew => content.left_out.resets = 1,
            Change::Since { values, went_back, implausible } => {
                content.left_out = LeftOut { resets: 0, went_back, implausible };
                let (start_us, end_us) = (this.client_us - length_us, this.client_us);
                content.intervals = vec![Interval { start_us, end_us, ..interval(this, &values) }];
            }
        }
        Observed::New(content)
    };
    (0..log.len()).map(observe).collect()
}

/// A snapshot with the log's time of its arrival, ms.
type Timed<'a> = (i64, &'a Stream<'a>);

/// Returns whether the one has no more progress, and is no newer, than the other.
fn within(one: Timed<'_>, other: Timed<'_>) -> bool {
    one.1.client_us <= other.1.client_us && one.1.values.progress() <= other.1.values.progress()
}

/// Returns the snapshots, in order of arrival, that a new one may be compared with.
fn line<'a>(reported: impl Iterator<Item = Timed<'a>>) -> Vec<Timed<'a>> {
    let mut line: Vec<Timed<'a>> = Vec::new();
    for new in reported {
        while line.last().is_some_and(|last| within(*last, new)) {
            line.pop();
        }
        line.push(new);
        if line.len() > 32 {
            line.remove(0);
        }
    }
    line
}

fn comes_next(line: &[Timed<'_>], last: Timed<'_>, new: Timed<'_>) -> bool {
    let is_older_than_all = line.iter().all(|one| one.1.client_us >= new.1.client_us);
    line.iter().all(|one| !within(new, *one))
        && (new.1.client_us > last.1.client_us || is_older_than_all)
}

proptest! {
    #[test]
    fn the_queue_finds_the_predecessor_that_the_rule_names(log in log()) {
        prop_assert_eq!(run(&mut Engine::new(HORIZON_MS), &log), by_the_rule(&log));
    }

    #[test]
    fn reading_the_horizon_again_restores_the_state(log in log(), at in any::<prop::sample::Index>()) {
        let committed = at.index(log.len());
        let whole = run(&mut Engine::new(HORIZON_MS), &log);
        let since_ms = committed.checked_sub(1).map_or(i64::MIN, |last| log[last].at_ms - HORIZON_MS);
        let warm_from = log.iter().position(|record| record.at_ms >= since_ms).unwrap();
        for start in 0..=warm_from.min(committed) {
            let again = run(&mut Engine::new(HORIZON_MS), &log[start..]);
            prop_assert_eq!(&again[committed - start..], &whole[committed..]);
        }
    }

    #[test]
    fn no_counter_has_a_negative_or_absurd_difference(log in log()) {
        for interval in by_the_rule(&log).iter().flat_map(|observed| intervals(observed).to_vec()) {
            prop_assert!(interval.start_us < interval.end_us);
            prop_assert!(interval.packets_received.is_none_or(|packets| (0..1 << 31).contains(&packets)));
            prop_assert!(interval.packets_lost.is_none_or(|lost| lost.abs() < 1 << 31));
        }
    }

    #[test]
    fn any_choice_of_a_streams_snapshots_gives_the_same_total(
        steps in prop::collection::vec((0_u32..1000, any::<bool>()), 2..50),
    ) {
        let mut packets = 0.0;
        let last = steps.len() - 1;
        let mut chosen = Vec::new();
        for (position, (step, choose)) in steps.iter().enumerate() {
            packets += f64::from(*step);
            if position == 0 || position == last || *choose {
                chosen.push(received(position as i64 + 1, packets));
            }
        }
        let reported = each_second(&chosen);
        let counts = reported.iter().flat_map(intervals).filter_map(|i| i.packets_received);
        let total = counts.sum::<i64>();
        prop_assert_eq!(total, (packets - f64::from(steps[0].0)) as i64);
    }

    #[test]
    fn repeating_and_overtaken_snapshots_add_no_interval(
        order in prop::collection::vec(0_i64..30, 1..60),
    ) {
        let events = order.iter().map(|s| received(s + 1, *s as f64)).collect::<Vec<_>>();
        let rising = order.iter().scan(-1, |newest, s| {
            let newer = s > newest;
            *newest = *s.max(newest);
            Some(newer)
        });
        let rising = events.iter().zip(rising).filter(|(_, newer)| *newer);
        let rising = rising.map(|(event, _)| event.clone()).collect::<Vec<_>>();
        let all = each_second(&events);
        let clean = each_second(&rising);
        prop_assert_eq!(
            all.iter().flat_map(intervals).collect::<Vec<_>>(),
            clean.iter().flat_map(intervals).collect::<Vec<_>>()
        );
    }
}
