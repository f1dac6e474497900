import pytest
from persistent.timestamp import TimeStamp
from zodb_reference.oids import maxtid, new_tid, oid_repr, p64, tid_repr, u64, z64


def test_a_number_is_packed_as_eight_bytes_with_the_highest_first():
    assert p64(0x0102030405060708) == b"\1\2\3\4\5\6\7\x08"
    assert u64(b"\1\2\3\4\5\6\7\x08") == 0x0102030405060708
    assert (p64(0), u64(maxtid)) == (z64, 2**63 - 1)


@pytest.mark.parametrize("number", [-1, 2**64])
def test_what_does_not_fit_into_eight_bytes_is_refused(number):
    with pytest.raises(ValueError, match="unsigned 64 bit"):
        p64(number)


def test_bytes_of_another_length_are_no_number():
    with pytest.raises(ValueError, match="eight bytes"):
        u64(b"\0" * 7)


def test_a_tid_encodes_the_time_of_the_commit():
    assert str(TimeStamp(new_tid(z64, 86400 * 365.5))) == "1971-01-01 12:00:00.000000"


def test_tids_increase_when_the_clock_stands_still_or_goes_back():
    first = new_tid(z64, 1_000_000.0)
    second = new_tid(first, 1_000_000.0)
    third = new_tid(second, 5.0)
    assert first < second < third


def test_ids_are_shown_without_leading_zeros():
    assert [oid_repr(p64(n)) for n in (0, 10, 0xABC)] == ["0x00", "0x0a", "0x0abc"]
    assert oid_repr("root") == "'root'"
    assert oid_repr(None) == "None"


def test_a_tid_is_shown_with_its_time():
    assert tid_repr(new_tid(z64, 0.0)).endswith(" 1970-01-01 00:00:00.000000")
    assert tid_repr(None) == "None"
