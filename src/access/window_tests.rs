use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_348_800 + second).unwrap()
}

fn window(span: Span) -> Window {
    let mut window = Window::new(WindowId::new(at(0), 0x3f_9a1c), Person::parse("ada").unwrap(), Kind::Maintenance, span);
    window.nodes = vec!["a0-1".to_owned()];
    window
}

#[test]
fn an_id_reads_back_and_is_nothing_but_a_name() {
    let id = WindowId::new(at(0), 0xff3f_9a1c);
    assert_eq!(id.as_str(), "w-20261122-3f9a1c");
    assert_eq!(WindowId::parse(id.as_str()), Ok(id));
    for text in ["", "w-20261122-3f9a1", "w-20261122-3f9a1c.jump", "w-2026/122-3f9a1c", "../..", "w-20261122-3F9A1C", "w-20261122-3f9a1c "]
    {
        assert!(WindowId::parse(text).is_err(), "{text}");
    }
}

#[test]
fn names_of_people_are_taken_and_those_of_shells_are_not() {
    for name in ["ada", "Ada Lovelace", "ada@vendor.example", "Jos\u{e9} O'Neill", "\u{5f20}\u{4f1f}"] {
        assert_eq!(Person::parse(name).unwrap().as_str(), name);
    }
    for (name, letter) in
        [("$(id)", '$'), ("a;b", ';'), ("a`b", '`'), ("a\nb", '\n'), ("a\u{1b}[31m", '\u{1b}'), ("a|b", '|'), ("a\"b", '"')]
    {
        assert_eq!(Person::parse(name), Err(PersonError::Character(letter)), "{name}");
    }
    assert_eq!(Person::parse("  "), Err(PersonError::Empty));
    assert_eq!(Person::parse(&"a".repeat(101)), Err(PersonError::TooLong));
}

#[test]
fn the_length_counts_from_the_start_whenever_it_was_asked_for() {
    let span = Span::lasting(at(3600), SignedDuration::from_hours(1), at(0)).unwrap();
    assert_eq!((span.start(), span.end()), (at(3600), at(7200)));
    let now = Span::lasting(at(-500), SignedDuration::from_hours(1), at(0)).unwrap();
    assert_eq!((now.start(), now.end()), (at(0), at(3600)));
}

#[test]
fn a_span_that_ends_before_it_starts_is_none() {
    assert_eq!(Span::between(at(100), at(50), at(0)), Err(SpanError::EndsBeforeItStarts { start: at(100), end: at(50) }));
    assert_eq!(Span::between(at(-100), at(-50), at(0)), Err(SpanError::Past { end: at(-50), now: at(0) }));
    assert_eq!(Span::between(at(0), at(0), at(0)), Err(SpanError::Past { end: at(0), now: at(0) }));
    assert_eq!(Span::lasting(Timestamp::MAX, SignedDuration::from_hours(1), at(0)), Err(SpanError::OutOfRange));
}

#[test]
fn a_window_is_scheduled_then_open_then_ended_then_closed() {
    let mut window = window(Span::between(at(10), at(20), at(0)).unwrap());
    assert_eq!(window.state(at(12)), State::Requested);
    window.take(Step::BeginOpening).unwrap();
    assert_eq!(window.state(at(12)), State::Opening);
    window.take(Step::Opened { missing: Vec::new() }).unwrap();
    assert_eq!([9, 10, 19, 20].map(|second| window.state(at(second))), [State::Scheduled, State::Open, State::Open, State::Ended]);
    window.take(Step::BeginClosing).unwrap();
    assert_eq!((window.state(at(12)), window.left()), (State::Closing, &["a0-1".to_owned()][..]));
    window.take(Step::Closed { left: Vec::new() }).unwrap();
    assert_eq!((window.state(at(12)), window.left()), (State::Closed, &[][..]));
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::BeginOpening),
        prop_oneof![Just(Vec::new()), Just(vec!["a0-1".to_owned()])].prop_map(|missing| Step::Opened { missing }),
        (0i64..200).prop_map(|second| Step::Extend(at(second))),
        Just(Step::BeginClosing),
        prop_oneof![Just(Vec::new()), Just(vec!["a0-1".to_owned()])].prop_map(|left| Step::Closed { left }),
    ]
}

proptest! {
    #[test]
    fn whatever_is_done_a_window_never_reopens(before in prop::collection::vec(steps(), 0..8), after in prop::collection::vec(steps(), 0..12), moment in -10i64..220) {
        let mut window = window(Span::between(at(10), at(100), at(0)).unwrap());
        for step in before {
            drop(window.take(step));
        }
        window.take(Step::BeginClosing).unwrap();
        for step in after {
            drop(window.take(step));
            prop_assert!(!window.lets_in(at(moment)));
            prop_assert!(matches!(window.state(at(moment)), State::Closing | State::Closed));
        }
    }

    #[test]
    fn nobody_is_let_in_outside_the_span(steps in prop::collection::vec(steps(), 0..12), moment in -10i64..220) {
        let mut window = window(Span::between(at(10), at(100), at(0)).unwrap());
        for step in steps {
            drop(window.take(step));
            if window.lets_in(at(moment)) {
                prop_assert!(window.span.start() <= at(moment) && at(moment) < window.span.end());
            }
        }
    }

    #[test]
    fn a_span_is_never_empty_and_never_starts_before_it_was_asked_for(start in -500i64..500, end in -500i64..500, now in -500i64..500) {
        if let Ok(span) = Span::between(at(start), at(end), at(now)) {
            prop_assert!(span.start() < span.end() && span.start() >= at(now));
            prop_assert_eq!(span.end(), at(end));
        } else {
            prop_assert!(end <= now || end <= start);
        }
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC*") {
        drop((WindowId::parse(&text), Person::parse(&text)));
    }
}
