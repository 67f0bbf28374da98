from dsp.dc import DcEstimate


def test_the_offset_is_what_most_centres_show():
    estimate = DcEstimate()
    for center_hz, dc in ((1e8, 0.004 - 0.003j), (1.02e8, 0.0041 - 0.003j)):
        estimate.add(center_hz, dc)
    assert estimate.value == 0
    estimate.add(1.04e8, 0.3 + 0.2j)  # a carrier at exactly this centre
    estimate.add(1.06e8, 0.0041 - 0.0031j)
    assert abs(estimate.value - (0.004 - 0.003j)) < 3e-4


def test_the_newest_of_each_hop_counts():
    estimate = DcEstimate()
    for dc in (0.01, 0.002):
        for center_hz in (1e8, 2e8, 3e8):
            estimate.add(center_hz, dc + 0j)
    assert estimate.value == 0.002
