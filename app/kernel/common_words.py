"""What passwords are made of everywhere: words, numbers, and ways over the keyboard.

Made by rule for this portal, after what the published counts of stolen passwords agree on; it is no list of
stolen passwords. Each piece stands for all that is built of it: with digits, years, names and repetitions.
"""

from __future__ import annotations

from collections.abc import Iterator

# What people in China put before, between or after digits.
CHINESE = (
    "woaini", "wuaini", "woxiangni", "aini", "woaiwo", "woaijia", "wodemima", "mima", "nihao", "laopo", "laogong",
    "baobei", "baobao", "qinai", "zhongguo", "zhonghua", "beijing", "shanghai", "guangzhou", "shenzhen", "hangzhou",
    "chengdu", "chongqing", "wuhan", "nanjing", "tianjin", "suzhou", "xingfu", "kuaile", "jiankang", "pingan",
    "facai", "gongxi", "jiayou", "meili", "meinv", "shuaige", "xiaoming", "xiaobao", "tiantian", "mingtian",
    "tianxia", "feichang", "shijie", "pengyou", "laoshi", "laoban", "jingli", "gongsi", "mendian", "dianzhang",
    "caiwu", "renshi", "xiaoshou", "kehu", "diannao", "shouji", "wangluo", "yinhang", "weixin", "wechat", "taobao",
    "alibaba", "tengxun", "tencent", "huawei", "xiaomi", "baidu", "caonima", "tamade", "shabi", "guanliyuan", "ceshi",
    "morenmima", "chunjie", "guoqing",
)  # fmt: skip
ENGLISH = (
    "iloveyou", "password", "passwd", "passw", "pass", "admin", "root", "test", "user", "guest", "login", "welcome",
    "company", "office", "manager", "store", "sales", "abcd", "abc", "aa", "dragon", "monkey", "football",
    "baseball", "basketball", "letmein", "master", "sunshine", "princess", "superman", "batman", "michael", "jordan",
    "shadow", "jennifer", "jessica", "ashley", "charlie", "daniel", "andrew", "thomas", "mustang", "hunter", "killer",
    "soccer", "flower", "hello", "freedom", "whatever", "trustno", "starwars", "computer", "internet", "samsung",
    "google", "facebook", "microsoft", "windows", "secret", "summer", "winter", "spring", "autumn", "monday",
    "friday", "january", "february", "march", "april", "june", "july", "august", "september", "october", "november",
    "december", "forever", "love", "angel", "lovely", "chocolate", "cookie", "cheese", "pokemon", "purple", "orange",
    "yellow", "money", "lucky", "happy", "china", "changeme", "default", "temp", "portal", "system", "server",
    "database", "oracle", "mysql",
)  # fmt: skip
# Ways too short to be found as such, which are put beside one another.
STEPS = (
    "qwer",
    "qwe",
    "asdf",
    "asd",
    "zxcv",
    "zxc",
    "qaz",
    "wsx",
    "edc",
    "rfv",
    "tgb",
    "yhn",
    "ujm",
    "zaq",
    "xsw",
    "cde",
)
NUMBERS = (
    "5201314", "1314520", "1314521", "7758521", "7758258", "1314", "3344", "520", "521", "888", "666", "168", "518",
    "123", "321", "147", "258", "369", "159", "753", "110", "112", "000", "111", "007", "911", "1q2w3e4r", "1q2w3e",
    "12345678", "123456", "12345", "1234", "12",
)  # fmt: skip
WORDS = (*CHINESE, *ENGLISH, *STEPS)
ROWS = ("`1234567890-=", "qwertyuiop[]\\", "asdfghjkl;'", "zxcvbnm,./")
# Shorter ways are in any text: “were”, “pop”.
SHORTEST_WAY = 4
SHIFTED = str.maketrans("!@#$%^&*()_+", "1234567890-=")


def walked(text: str) -> Iterator[tuple[int, int]]:
    """The stretches of a text in small letters that are typed from key to neighbouring key, or count up or down."""
    begin, text = 0, text.translate(SHIFTED)
    for at in range(1, len(text) + 1):
        if at < len(text) and _beside(text[at - 1], text[at]):
            continue
        if at - begin >= SHORTEST_WAY:
            yield begin, at
        begin = at


# Private

# 1, q, a and z stand in one column.
PLACES = {
    key: (row, at) for row, keys in enumerate(ROWS) for at, key in enumerate(keys, -(row > 0))
}


def _beside(one: str, other: str) -> bool:
    if one.isalnum() and other.isalnum() and abs(ord(one) - ord(other)) == 1:
        return True
    here, there = PLACES.get(one), PLACES.get(other)
    if here is None or there is None:
        return False
    down, right = there[0] - here[0], there[1] - here[1]
    return (down == 0 and abs(right) <= 1) or (abs(down) == 1 and right in (0, -down))
