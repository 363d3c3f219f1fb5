"""How likely characters are in Chinese text of any kind, by which a right reading of bytes is told from a wrong one.

A unigram model: the 1,200 most frequent characters by rank, the rest by the level of the national standards that they belong to. The ranks
are those of a mixture of modern simplified (55 %), modern traditional (35 %) and classical (10 %) text, punctuation included.
"""

import functools
import unicodedata

import numpy as np
from numpy.typing import NDArray

BY_RANK = (
    "，的。一是我不在了有中以人、用要你可上大个到和文国（）下新生之为好：就行也出年这多能日发看作自会地如方個者會而得来成所本天他时全面"
    "同其心件分于工使家”﹐去很想开這它加理然“事们动都子來前对目法但安程最部进主小十些系！定因公意等性服月力為数合們实后过通建经统化展"
    "果入更重道已那\u3000三二情将說命次平现時提此沒手高第己代表业民外或明起器名？内今并持還务原令设水关机应需式学知气治网什示又過對台两感度"
    "政接保美常各当把推做包装相麼口及；著共五正近後基解何「制國開运与完比联經」…再体间点量期被於区告回太》《只产打特息据利还她强计从由"
    "问病快真里项查西放始管信长反立源热言么总每世四版指创题活交习元选置种至户说流视央像改香消任格则录例吃路无點先樣友播样界少算字市容支"
    "院痛位物色寫老没员女便求增供受愛存议调取科裡未社非向列篇电無買单海布风阳步半覺現身北司序故注标图間話金记除集與编南喜具功局品影且清"
    "论實給電技变结模港別型花闻直该寒魏即组深必商白死當着软复候教晚火案英见空怎配片码升找食學動議类足引书续收造场易散整让才東發聯党客冷"
    "试越称导际处首見溫樂讓進领军备助落斯眼研血境記精頭走啊别脉左汤资认证—效门义神确带端往万送長視启形决节级参黄考阴思體幾並問廣段光显"
    "望属超环兩术企苦卷击云星许士男密虚克构语場失味传东头根府委席球總输山域照修战库验线译微跟核嗎幫灣致话呢质钱群写百按站切章從湯華京互"
    "控干简载报举念久六速坚专几周似伤九種結歡抗份投吧请络达药值游护德餐连關音草盟择施否规态济八条另转皮志给止七書操勞﹖终住背校防景早拍"
    "假乌协希团留媒笑連終訴語哈准广车俄费野菜句策風趣選旅测优依欢象奇巴究唔湖卻談單應續車醫﹗拉获熟号略况访难啦队断温救汗桌該權題油突读"
    "午育满孩维价移医细错福竟预觉論熱試門聲預稳享极毒急朋末硬键换某华夜雪底权添限丸冬亿历积初網將業聽願般史办盘马识亦亚房刻括班省排执聊"
    "江农尔较酒威春补土義貿離機氣節约随针采角承观儿边宜沙】低仍【舒警室邪差若益智昨障城喔係嗚簡組聞許飯率兴含居返够织退众玩频届州演检怪"
    "坐辑青骨蛋雨迎须村懂石势破內兒員區訂默响千适黑健降帮链讲腹攻介营呼料幕乎曰革娜甚李官妮索米署產妳歷約請冇報淚禮級興誕變髮黨族述幸烈"
    "替划充尽善泉础遭评暖胃武愿林仅乐杂忙轻醒储师航途阿掉煎扩继哪戏免決錯夏參團媽戲條準繼聖認養驗肉察览远典症宣甘炒饮页双刑待符块普呀短"
    "荣曾监脑努误套洲层派谈歌木股脚罗座忘休古吐址店兰皆喝附素右傷帶資運遠備協維線職辦红虽板累祝夫付声档搭印促沉答束疼款独偏遇状盛卡康叫"
    "永范停概既律兼险慢王刺姜张责畫佢強態戀爭療舉號貓費輕隨雖拟亮堂紧泡拿猜穴麻围仔献均寸征树伊卫架私您爱藏乃析搜仓归听耐延吸丁胸富截哭"
    "鼻咖咁签批睡博陽庫數斷織萬閒頓冲焦忽耳欧阅诸零河余啡铁迷池龙楚绍灸波融柴嗯巧─隔聚探离拼盖凡茶贸壮脾朗觀判浏负處雄懷夢師確討誰鐘顧"
    "谓养恶释夕逆衣肺禁邦屏苏严减誉争贯守湿川赛良函登烦纪煮闭胡母"
)

RANKS = (1, 2, 5, 10, 20, 50, 100, 200, 400, 800, 1200)
LOG_PROBABILITY_AT_RANK = (-3.3, -3.5, -4.5, -4.9, -5.5, -5.9, -6.4, -6.9, -7.5, -8.4, -9.2)

ASCII_LETTER, ASCII_OTHER, SPACE = -4.5, -6.0, -3.5
SYMBOL = -10.0  # of GB 2312 rows 1 to 9: kana, circled numbers, rules of tables
LEVEL_1 = -11.5  # the 3,755 common characters of GB 2312 or the 5,401 of Big5
FULL_WIDTH = -11.0
LETTER = -12.0  # of any other script, and symbols
HAN = -14.5  # that no one uses much
RARE_HAN = -16.0  # of the supplementary planes, and compatibility forms
PRIVATE = -17.0
IMPOSSIBLE = -20.0  # a control character, one that is not assigned, or U+FFFD: the bytes did not fit


@functools.cache
def log_probabilities() -> NDArray[np.float32]:
    """The natural logarithm of each code point's probability, float32 [0x110000]."""
    table = np.full(0x110000, IMPOSSIBLE, np.float32)
    table[0x1F000:0x1FB00] = LETTER  # emoji
    table[0x20000:0x323B0] = RARE_HAN
    table[0xF0000:0x110000] = PRIVATE
    for code in range(0x80, 0x10000):
        table[code] = _by_category(code)
    table[0x4E00:0xA000] = HAN
    table[0xFF01:0xFF5F] = FULL_WIDTH
    table[_standard("gb2312", range(0xA1, 0xAA), _GB_TRAIL)] = SYMBOL
    table[_standard("gb2312", range(0xB0, 0xD8), _GB_TRAIL)] = LEVEL_1
    table[_standard("big5", range(0xA4, 0xC7), _BIG5_TRAIL)] = LEVEL_1
    table[0x20:0x7F] = ASCII_OTHER
    table[[*range(ord("a"), ord("z") + 1), *range(ord("0"), ord("9") + 1)]] = ASCII_LETTER
    table[[0x20, 0x0A, 0x0D, 0x09]] = SPACE
    table[0xFEFF] = LETTER  # a byte order mark in the middle of a file that was put together
    table[0xFFFD] = IMPOSSIBLE
    ranks = np.arange(1, len(BY_RANK) + 1)
    table[list(map(ord, BY_RANK))] = np.interp(np.log(ranks), np.log(RANKS), LOG_PROBABILITY_AT_RANK)
    table.setflags(write=False)
    return table


_GB_TRAIL = range(0xA1, 0xFF)
_BIG5_TRAIL = (*range(0x40, 0x7F), *range(0xA1, 0xFF))


def _standard(codec: str, lead: range, trail: range | tuple[int, ...]) -> list[int]:
    """Code points of the rows of a two-byte standard."""
    pairs = bytes(byte for first in lead for second in trail for byte in (first, second))
    return sorted(set(map(ord, pairs.decode(codec, "ignore"))))


def _by_category(code: int) -> float:
    category = unicodedata.category(chr(code))
    if category in {"Cc", "Cn", "Cs"}:
        return IMPOSSIBLE
    if category == "Co":
        return PRIVATE
    if 0x3400 <= code < 0x4E00 or 0xF900 <= code < 0xFB00 or 0xAC00 <= code < 0xD7B0:
        return RARE_HAN  # and hangul: so many that each is rare
    return LETTER
