use super::*;

#[tokio::test(start_paused = true)]
async fn a_stream_of_news_becomes_two_looks_a_second() {
    let mut pace = Pace::new(Duration::from_millis(20));
    let begun = Instant::now();
    let mut looks = 0u32;
    while begun.elapsed() < Duration::from_mins(2) {
        tokio::time::sleep(pace.before_look()).await;
        looks += 1;
    }
    assert!((240..300).contains(&looks), "{looks}");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_cluster_is_looked_at_as_soon_as_there_is_news() {
    let mut pace = Pace::new(Duration::from_millis(20));
    for _ in 0..100 {
        assert_eq!(pace.before_look(), Duration::from_millis(20));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn looks_that_fail_become_rarer_until_one_goes_well() {
    let mut pace = Pace::new(Duration::ZERO);
    let pauses: Vec<u128> = (0..9).map(|_| pace.failed(false).as_millis()).collect();
    assert_eq!(
        pauses,
        [200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000]
    );
    pace.went_well();
    assert_eq!(pace.failed(false).as_millis(), 200);
}

#[tokio::test(start_paused = true)]
async fn what_was_done_beside_a_failure_is_looked_at_soon_once() {
    let mut pace = Pace::new(Duration::ZERO);
    for _ in 0..9 {
        pace.failed(false);
    }
    let pauses = [true, false, true].map(|acted| pace.failed(acted).as_millis());
    assert_eq!(pauses, [200, 400, 800], "once");
    pace.went_well();
    assert_eq!(pace.failed(true).as_millis(), 200);
}
