"""What is remembered of a server that went away."""

from lifesign.evaluation.replay.crash_journal import CrashJournal


def test_a_later_run_knows_what_earlier_ones_were_asking(tmp_path):
    first, second = CrashJournal(tmp_path), CrashJournal(tmp_path)
    first.note(["a", "b"], were_alone=False)
    first.note(["a"], were_alone=True)
    second.note(["a"], were_alone=True)
    later = CrashJournal(tmp_path)
    assert later.is_suspect(["b", "c"])
    assert not later.is_suspect(["c"])
    assert (later.crashes(["a"]), later.crashes(["b"]), later.crashes(["a", "b"])) == (2, 0, 0)


def test_a_line_that_a_killed_run_cut_is_passed_over(tmp_path):
    CrashJournal(tmp_path).note(["a"], were_alone=True)
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text() + '{"images": ["b"], "al')
    later = CrashJournal(tmp_path)
    assert (later.crashes(["a"]), later.crashes(["b"])) == (1, 0)


def test_the_same_batch_is_written_once_and_a_folder_that_refuses_costs_nothing(tmp_path):
    journal = CrashJournal(tmp_path)
    for _ in range(3):
        journal.note(["a", "b"], were_alone=False)
    (path,) = tmp_path.iterdir()
    assert len(path.read_text().splitlines()) == 1
    nowhere = CrashJournal(tmp_path / "nowhere")
    nowhere.note(["a"], were_alone=True)
    assert nowhere.crashes(["a"]) == 1
