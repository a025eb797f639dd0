"""Names of people and of customers, put together from common parts."""

from __future__ import annotations

from random import Random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SURNAMES = (
    "王" * 7 + "李" * 7 + "张" * 7 + "刘" * 5 + "陈" * 5 + "杨" * 3 + "黄" * 3 + "赵" * 2 + "吴" * 2
    + "周" * 2 + "徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任"
    "卢姚钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷黎史龙陶贺毛郝顾龚邵万覃武钱戴莫孔向常温"
)  # fmt: skip
MALE = (
    "伟强磊洋勇军杰涛超明刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林浩然子轩宇航志远嘉豪俊杰文博思源"
    "泽宇家明建国志强海涛晓东国栋永康承恩启航一鸣景行展鹏泽楷"
)
FEMALE = (
    "芳娜敏静丽艳娟霞燕玲婷雪琳倩颖洁梅莉慧晶欣怡佳瑶梦雨涵诗思雅可馨子涵晓彤雨桐若曦婉清静怡佳琪梦洁"
    "雅婷紫萱美玲秀英春燕海燕晓雯书瑶芷若乐瑶语嫣"
)
ETHNICITIES = ("汉族",) * 24 + ("壮族", "土家族", "满族", "苗族", "回族")

ORDINALS = "一二三四五六七八九"
FAMOUS = _words("""
育才 实验 外国语 明德 启明 培英 文华 新华 东风 星海 南湖 清源 和平 红旗 晨光
春晖 滨江 中山 文昌 光华 崇文 翠园 西关 体育东 汇景 金穗 科学城 湖滨 学府
世纪 阳光 锦绣 云山 珠江 青年 长虹 向阳 桃源 碧波 天河
""")
FANCY = _words("""
智联 云帆 恒信 博远 嘉禾 天启 鼎盛 瑞丰 华策 星辰 蓝湾 拓维 众诚 海纳 思创
安捷 联众 宏图 启程 凌云 万象 优品 新锐 远景 方正元 卓越行 同舟 百汇 锐思
汇智 金石 明远 润泽 聚力 森林 绿野 一诺 三川 九章 开元
""")
TRADES = _words("""
科技 信息技术 网络科技 建设工程 物业管理 律师事务所 会计师事务所 文化传播 广告
医疗器械 生物科技 电子 贸易 国际物流 汽车销售 房地产经纪 人力资源 教育咨询
健身服务 保险代理 软件 服饰 家居用品 设计 检测技术 供应链管理 酒店管理 旅行社
""")
PUBLIC = (
    ("{district}{famous}小学", "学校茶点与教师节慰问"),
    ("{city}{famous}中学", "运动会、开学季集体饮品"),
    ("{district}第{ordinal}中学", "教职工下午茶"),
    ("{city}第{ordinal}人民医院", "值班医护夜间饮品配送"),
    ("{district}中医院", "职工之家每周下午茶"),
    ("{district}{famous}社区卫生服务中心", "节日慰问、义诊活动饮品"),
    ("{district}政务服务中心", "会议茶歇"),
    ("{district}图书馆", "读书会茶歇"),
    ("{district}{famous}街道办事处", "社区活动、志愿者饮品"),
    ("{city}{famous}职业技术学院", "迎新与毕业季活动"),
    ("{city}{famous}幼儿园", "亲子活动低糖饮品"),
    ("{district}消防救援站", "高温慰问"),
)
SCENES = """\
每周五全员下午茶，40 杯左右
客户来访会议茶歇
月度生日会
项目加班夜宵饮品
节日员工福利
新品发布会茶歇
培训课间饮品
前台常备，少糖去冰为主
""".splitlines()
TASTES = (
    "少糖", "去冰", "无糖", "燕麦奶", "水果茶", "纯茶", "奶盖", "低咖啡因", "大杯", "热饮", "芝士", "不要珍珠",
    "开专票", "提前一天订", "月结",
)  # fmt: skip


def person_name(random: Random, *, male: bool) -> str:
    """A name of two or three characters."""
    given = MALE if male else FEMALE
    first = random.choice(given)
    return random.choice(SURNAMES) + first + (random.choice(given) if random.random() < 0.8 else "")


def organisation(random: Random, city: str, district: str) -> tuple[str, str]:
    """The name of an organisation that buys for many, and what it needs."""
    if random.random() < 0.35:
        pattern, scene = random.choice(PUBLIC)
        words = {"famous": random.choice(FAMOUS), "ordinal": random.choice(ORDINALS)}
        return pattern.format(city=city, district=district, **words), scene
    trade = random.choice(TRADES)
    name = f"{city}{random.choice(FANCY)}{trade}"
    if not trade.endswith("事务所"):
        name += "有限公司" if random.random() < 0.8 else "股份有限公司"
    return name, random.choice(SCENES)


def wholesaler(random: Random, city: str) -> str:
    """The name of a reseller."""
    return f"{city}{random.choice(FANCY)}{random.choice(('商贸', '食品', '餐饮管理', '便利店'))}有限公司"
