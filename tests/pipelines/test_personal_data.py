import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import personal_data
from pipelines.personal_data import MASKS, is_identity_card


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        ("请致电13812345678。", "请致电[手机]。"),
        ("电话：+86 138-1234-5678或138 1234 5678", "电话：[手机]或[手机]"),
        ("编号12812345678，138123456789，1381234567", "编号12812345678，138123456789，1381234567"),
        ("圆周率3.13812345678", "圆周率3.13812345678"),
    ],
)
def test_mobile_numbers(raw, masked):
    assert personal_data.mask_mobile_numbers(raw) == masked


def test_identity_cards_need_a_date_and_a_check_digit():
    assert personal_data.mask_identity_cards("身份证11010519491231002X。") == "身份证[证件]。"
    assert personal_data.mask_identity_cards("11010519491231002x") == "[证件]"
    for number in ("110105194912310021", "110105194913310020", "1101051949123100211"):
        assert personal_data.mask_identity_cards(number) == number
    assert not is_identity_card("110105194902310020")  # the 31st of February


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        ("写信到a.b-c+d@mail.example.com.cn，谢谢", "写信到[邮箱]，谢谢"),
        ("a@b.cn;c@d.org", "[邮箱];[邮箱]"),
        ("@用户 和 a@localhost 以及 @b.cn", "@用户 和 a@localhost 以及 @b.cn"),
    ],
)
def test_email_addresses(raw, masked):
    assert personal_data.mask_email_addresses(raw) == masked


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        ("加QQ：12345678，QQ群 987654321", "加QQ：[账号]，QQ群 [账号]"),
        ("微信号：abc_def123，微信: wxid-123456", "微信号：[账号]，微信: [账号]"),
        ("QQ2013 正式版，微信公众平台 weixin", "QQ2013 正式版，微信公众平台 weixin"),
    ],
)
def test_messenger_ids(raw, masked):
    assert personal_data.mask_messenger_ids(raw) == masked


def test_bank_cards_need_a_check_digit():
    assert personal_data.mask_bank_cards("卡号4111 1111 1111 1111。") == "卡号[卡号]。"
    assert personal_data.mask_bank_cards("4111111111111112") == "4111111111111112"
    assert personal_data.mask_bank_cards("1111111111111117") == "1111111111111117"


NUMBERS = st.lists(st.sampled_from([*"0123456789Xx@.- 加QQ微信号：a", "138", "13812345678", "11010519491231002X", "\ud800"]), max_size=40)


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@given(NUMBERS.map("".join))
def test_a_masked_text_stays_as_it_is(mask, text):
    masked = mask(text)
    assert len(masked) <= len(text)
    assert mask(masked) == masked


@pytest.mark.parametrize("part", ["1", "138", "a@", "a", "@a.", "QQ", "4111 ", "微信号：", "a.b@c."])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_giant_texts(mask, part):
    text = part * (1_000_000 // len(part))
    assert len(mask(text)) <= len(text)
