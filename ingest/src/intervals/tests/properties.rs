//! Properties of every counter when a stream's snapshots are selected, repeated, overtaken or
//! damaged.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Fields of an interval that are not sums: its stream, its times, and the gauges at its end.
const NO_SUMS: [&str; 11] = [
    "path",
    "video.source_frame_rate_micro",
    "ssrc",
    "start_us",
    "end_us",
    "stream_packets",
    "jitter_us",
    "round_trip_gauge_us",
    "audio.audio_level_micro",
    "video.frame_width",
    "video.frame_height",
];

type Sums = BTreeMap<String, i64>;

/// Returns the sums of all fields, by path, and the covered time.
fn sums(observed: &[Observed]) -> Sums {
    let mut sums = Sums::new();
    for interval in observed.iter().flat_map(intervals) {
        add("", &serde_json::to_value(interval).unwrap(), &mut sums);
        *sums.entry("observed_us".to_owned()).or_default() += interval.end_us - interval.start_us;
    }
    sums
}

fn add(path: &str, value: &serde_json::Value, sums: &mut Sums) {
    for (name, value) in value.as_object().unwrap() {
        let path = format!("{path}{name}");
        if value.is_object() {
            add(&format!("{path}."), value, sums);
        } else if let Some(number) = value.as_i64().filter(|_| !NO_SUMS.contains(&path.as_str())) {
            *sums.entry(path).or_default() += number;
        }
    }
}

/// Returns every counter that has a member.
fn counters() -> Vec<Counter> {
    let mut counters = Vec::new();
    for (_, counter) in Counter::members() {
        if !counters.contains(&counter) {
            counters.push(counter);
        }
    }
    counters
}

/// Growth of each counter of one stream before each snapshot.
#[derive(Clone, Debug)]
struct Growth {
    direction: Direction,
    /// In thousandths, so that seconds have fractions.
    steps: Vec<Vec<u32>>,
}

fn growths() -> impl Strategy<Value = Growth> {
    let step = prop_oneof![1 => Just(0_u32), 4 => 0_u32..5_000_000];
    let steps = prop::collection::vec(prop::collection::vec(step, counters().len()), 2..25);
    (prop_oneof![Just(Direction::Inbound), Just(Direction::Outbound)], steps)
        .prop_map(|(direction, steps)| Growth { direction, steps })
}

impl Growth {
    /// Values of the counters in each snapshot, in whole units but for durations.
    fn totals(&self) -> Vec<Vec<f64>> {
        let mut totals = vec![0.0; counters().len()];
        let counters = counters();
        let grown = self.steps.iter().map(|steps| {
            for ((total, step), counter) in totals.iter_mut().zip(steps).zip(&counters) {
                let step = match counter {
                    // Packets reported as lost may have been sent before, or arrive later.
                    Counter::PacketsLost => f64::from(step % 3000) - 100.0,
                    // No more than a second per second.
                    counter if is_duration(*counter) => f64::from(*step) / 5e6,
                    _ => f64::from(step / 5000),
                };
                *total += step;
            }
            totals.clone()
        });
        grown.collect()
    }

    /// The snapshot of `second` at which the counters stand at `totals`; NaN is missing.
    fn snapshot(&self, second: usize, totals: &[f64]) -> Event<'static> {
        let values = counters().into_iter().zip(totals.iter().copied()).collect::<Vec<_>>();
        let of_all = stream(second as i64 * 1_000_000, &values);
        // Audio has fewer packets.
        stats(vec![Stream { kind: Kind::Video, direction: self.direction, ..of_all }])
    }

    fn snapshots(&self) -> Vec<Event<'static>> {
        let totals = self.totals().into_iter().enumerate();
        totals.map(|(second, totals)| self.snapshot(second, &totals)).collect()
    }
}

fn is_duration(counter: Counter) -> bool {
    let mut names = Counter::members().filter(|(_, of)| *of == counter).map(|(name, _)| name);
    names.any(|name| {
        name.starts_with("total") && !name.contains("Samples")
            || name.contains("Durations")
            || name.contains("Delay")
    })
}

/// The remote end's last report, which is repeated until the next one arrives.
#[derive(Clone, Debug)]
struct Reported {
    sent: u32,
    /// Packets lost according to a new report, signed; none if no report arrived.
    lost: Option<i32>,
}

fn reports() -> impl Strategy<Value = Vec<Reported>> {
    let reports = (0_u32..200, prop::option::of(-10_i32..300));
    prop::collection::vec(reports.prop_map(|(sent, lost)| Reported { sent, lost }), 2..40)
}

/// Snapshots of an outbound stream, one a second.
fn outbound(reports: &[Reported]) -> Vec<Event<'static>> {
    let (mut sent, mut lost, mut reported_us) = (0.0, 1000.0, 500_000);
    let snapshot = |(second, reported): (usize, &Reported)| {
        sent += f64::from(reported.sent);
        if let Some(more) = reported.lost {
            lost += f64::from(more);
            reported_us = second as i64 * 1_000_000 + 500_000;
        }
        let values = [(Counter::PacketsSent, sent), (Counter::PacketsLost, lost)];
        let mut stream = stream((second as i64 + 1) * 1_000_000, &values);
        stream.values.put(Counter::RemoteTime, reported_us);
        stats(vec![Stream { direction: Direction::Outbound, ..stream }])
    };
    reports.iter().enumerate().map(snapshot).collect()
}

/// Returns the first, the last and the selected other items.
fn choice<T: Clone>(all: &[T], chosen: &[bool]) -> Vec<T> {
    let last = all.len() - 1;
    let kept = |place: &usize| [0, last].contains(place) || chosen[place % chosen.len()];
    (0..all.len()).filter(kept).map(|place| all[place].clone()).collect()
}

fn chosen() -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(any::<bool>(), 40)
}

/// Damage of a snapshot.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    Nothing,
    /// Counters start at 0 again.
    Reset,
    /// The counter at this place is missing.
    Vanished(usize),
    /// All counters are missing.
    AllVanished,
}

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        6 => Just(Mishap::Nothing),
        1 => Just(Mishap::Reset),
        2 => (0..counters().len()).prop_map(Mishap::Vanished),
        1 => Just(Mishap::AllVanished),
    ]
}

/// 2³²: some browsers count packets and bytes in 32 bits.
const WRAP: f64 = 4_294_967_296.0;

/// From here on, counters wrap within a few snapshots.
const NEAR_WRAP: u32 = u32::MAX - 20_000;

/// Returns the maximum absolute value of a count in an interval. Packets received by the remote end
/// depend on two counters.
const fn most_of_a_count(of_two: bool) -> i64 {
    if of_two { 1 << 32 } else { 1 << 31 }
}

proptest! {
    #[test]
    fn any_choice_of_snapshots_gives_the_same_sums_of_every_counter(
        growth in growths(),
        chosen in chosen(),
    ) {
        let all = growth.snapshots();
        let whole = sums(&each_second(&all));
        prop_assert_eq!(whole["observed_us"], (all.len() as i64 - 1) * 1_000_000);
        prop_assert_eq!(&sums(&each_second(&choice(&all, &chosen))), &whole);
        prop_assert!(whole.len() > 25, "{:?}", whole);
    }

    #[test]
    fn repeated_and_reordered_snapshots_change_no_sum(
        growth in growths(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        newest_at in any::<prop::sample::Index>(),
    ) {
        let all = growth.snapshots();
        let mut mixed = order.iter().map(|at| at.get(&all).clone()).collect::<Vec<_>>();
        mixed.insert(newest_at.index(mixed.len() + 1), all[all.len() - 1].clone());
        mixed.insert(0, all[0].clone());
        prop_assert_eq!(sums(&each_second(&mixed)), sums(&each_second(&all)));
    }

    #[test]
    fn counters_that_reset_wrap_or_vanish_never_count_more_than_happened(
        growth in growths(),
        mishaps in prop::collection::vec(mishap(), 25),
        begun in prop_oneof![0..u32::MAX, NEAR_WRAP..u32::MAX],
    ) {
        let (counters, totals) = (counters(), growth.totals());
        let mut since = vec![-f64::from(begun); counters.len()];
        let mut snapshots = Vec::new();
        for (second, (totals, mishap)) in totals.iter().zip(&mishaps).enumerate() {
            if matches!(mishap, Mishap::Reset) {
                since.clone_from(totals);
            }
            let value_of = |(place, total): (usize, &f64)| match mishap {
                Mishap::AllVanished => f64::NAN,
                Mishap::Vanished(gone) if *gone == place => f64::NAN,
                _ => (total - since[place]) % WRAP,
            };
            let values = totals.iter().enumerate().map(value_of).collect::<Vec<_>>();
            snapshots.push(growth.snapshot(second, &values));
        }
        let happened = sums(&each_second(&growth.snapshots()));
        let observed = each_second(&snapshots);
        for interval in observed.iter().flat_map(intervals) {
            let intervals = vec![interval.clone()];
            let one = [Observed::New(NewContent { intervals, ..NewContent::default() })];
            for (field, value) in sums(&one) {
                // Packets received by the remote end are packets sent less packets lost.
                let far = interval.direction == Direction::Outbound && field == "packets_received";
                let signed = ["packets_lost", "audio.concealed_samples"].contains(&field.as_str());
                let least = if signed || far { -most_of_a_count(far) } else { 0 };
                prop_assert!(value >= least, "{}: {}", field, value);
                let is_count =
                    !field.ends_with("_us") && !field.ends_with("_micro") && field != "bytes";
                prop_assert!(!is_count || value <= most_of_a_count(far), "{}: {}", field, value);
            }
        }
        for (field, sum) in sums(&observed) {
            let all = |field: &str| happened.get(field).copied().unwrap_or(0);
            let slack = match &*field {
                // If the remote end does not report it: packets sent less packets lost.
                "packets_received" if growth.direction == Direction::Outbound => continue,
                "packets_lost" | "audio.concealed_samples" => continue,
                _ => 0,
            };
            // Durations are rounded to a microsecond, each time.
            let most = all(&field) + slack + 25;
            prop_assert!(sum <= most, "{}: {} of {}", field, sum, most);
        }
    }

    #[test]
    fn losses_of_the_far_end_count_once_with_each_of_its_reports(
        reports in reports(),
        chosen in chosen(),
    ) {
        let all = outbound(&reports);
        let observed = each_second(&all);
        for (interval, reported) in observed.iter().flat_map(intervals).zip(&reports[1..]) {
            prop_assert_eq!(interval.packets_lost, reported.lost.map(i64::from));
        }
        let lost = reports[1..].iter().filter_map(|report| report.lost).map(i64::from).sum::<i64>();
        let sent = reports[1..].iter().map(|reported| i64::from(reported.sent)).sum::<i64>();
        for observed in [observed, each_second(&choice(&all, &chosen))] {
            let sums = sums(&observed);
            prop_assert_eq!(sums.get("packets_lost").copied().unwrap_or(0), lost);
            prop_assert_eq!((sums["packets_sent"], sums["packets_received"]), (sent, sent - lost));
        }
    }
}
