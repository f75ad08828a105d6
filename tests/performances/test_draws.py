from stages.performances.draws import generator


def test_equal_words_give_equal_draws_and_a_generator_is_not_shared() -> None:
    assert generator(1, "a").random() == generator(1, "a").random()


def test_words_do_not_run_into_each_other() -> None:
    draws = {float(generator(*words).random()) for words in ((1, 23), (12, 3), ("1", "2", "3"), (123,), (1, 23, ""))}
    assert len(draws) == 5
