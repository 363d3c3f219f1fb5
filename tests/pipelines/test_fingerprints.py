from pipelines.fingerprints import fingerprint, own_sources, source_digest


def names(entry: str) -> set[str]:
    return {f"{path.parent.name}/{path.name}" for path in own_sources(entry)}


def test_a_stage_is_made_of_its_module_and_all_it_imports():
    clean, instances = names("pipelines.clean"), names("pipelines.instances")
    assert {"pipelines/clean.py", "pipelines/rules.py", "pipelines/deduplicate.py", "corpora/decoding.py"} <= clean
    assert {"albert_core/drawing.py", "albert_core/tfrecord.py", "pipelines/chunks.py", "pipelines/words.py"} <= instances
    assert "pipelines/chunks.py" not in clean
    assert "pipelines/rules.py" not in instances


def test_a_fingerprint_changes_with_each_of_its_parts():
    first = fingerprint({"a": 1}, ["x"], "pipelines.words")
    assert fingerprint({"a": 1}, ["x"], "pipelines.words") == first
    assert len({first, fingerprint({"a": 2}, ["x"], "pipelines.words"), fingerprint({"a": 1}, ["y"], "pipelines.words")}) == 3
    assert source_digest("pipelines.words") != source_digest("pipelines.sentences")
