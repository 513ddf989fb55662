use super::*;

/// What the future takes that such a function gives.
fn bytes<A, B, C, D, F: Future>(_: impl FnOnce(A, B, C, D) -> F) -> usize {
    size_of::<F>()
}

#[test]
fn an_idle_session_is_no_larger_than_what_it_needs_to_go_on() {
    let (session, corridor) = (bytes(serve), size_of::<Corridor>());
    eprintln!("a session: {session} bytes, {corridor} of them its state");
    assert!(session <= 5_800, "{session} bytes: box what is rare where it is awaited");
}
