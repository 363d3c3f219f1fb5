import pytest

from pipelines import storage


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    folder = str(tmp_path / "out")
    storage.write(folder, "whole", b"content")
    assert storage.read(f"{folder}/whole") == b"content"
    with pytest.raises(ZeroDivisionError), storage.create(folder, "half") as file:
        file.write(bytes(3) * (1 // 0))
    assert storage.list_files(f"{folder}/*") == [f"{folder}/whole"]


def test_writing_again_replaces(tmp_path):
    for content in (b"first", b"second"):
        storage.write(str(tmp_path), "file", content)
    assert storage.read(str(tmp_path / "file")) == b"second"


def test_compressed_files_are_read_as_they_are_stored(tmp_path):
    storage.write(str(tmp_path), "file.gz", b"not gzip at all")
    assert storage.read(str(tmp_path / "file.gz")) == b"not gzip at all"


def test_json_keeps_chinese_readable(tmp_path):
    storage.write_json(str(tmp_path), "a.json", {"词": ["今天"]})
    assert "今天" in (tmp_path / "a.json").read_text("utf-8")
    assert storage.read_json(str(tmp_path / "a.json")) == {"词": ["今天"]}


def test_removing_takes_files_folders_and_what_is_not_there(tmp_path):
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "file").write_text("x")
    storage.remove(str(tmp_path / "folder"), str(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "file").write_text("x")
    assert storage.is_file(str(tmp_path / "file"))
    assert not storage.is_file(str(tmp_path))
    assert not storage.is_file(str(tmp_path / "none"))
