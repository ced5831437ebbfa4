use super::*;

#[test]
fn what_a_pod_ended_of_is_told_once() {
    let ends = ["Pod demo-0 ended 2 times: Address already in use".to_owned()];
    assert_eq!(
        with_ends("Recovering: starting: 0", &ends),
        "Recovering: starting: 0\n  Pod demo-0 ended 2 times: Address already in use"
    );
    let told = "Recovering: Pod demo-0: CrashLoopBackOff, Address already in use";
    assert_eq!(with_ends(told, &ends), told);
}
