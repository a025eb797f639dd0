"""What was said to customers."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from app.features.demo.stage import Person

WAYS = {
    True: ("wechat", "wecom", "in_store", "phone_call"),
    False: ("wecom", "phone_call", "wechat", "home_visit", "in_store", "mail"),
}
MEMBER_TALK = """\
到店积分兑换，推荐新品桂花乌龙
电话回访，反馈上次少冰未做到，已致歉补券
发送生日券，客户已领取
会员升级提醒，介绍储值活动
微信咨询燕麦奶选项，已答复
推荐加入门店社群，同意入群
投诉等待时间过长，已安排免单
介绍早餐搭配套餐，有兴趣
储值 300 元，赠券已到账
反馈外卖漏送吸管，已补送
""".splitlines()
GROUP_TALK = """\
确认周五下午茶数量与送达时间
沟通端午节员工福利方案，对方要三档报价
回访上次茶歇，反馈份量合适、希望增加无糖款
对账并确认本月开票信息
上门拜访行政，送新品试饮 12 杯
约定季度合作续签时间
讨论会议茶歇套餐价格，希望满 50 份减免配送费
对接新行政负责人，交换联系方式
确认运动会当天配送点位与份数
跟进上月未结款项，对方承诺本周付款
介绍秋季热饮新品，安排周三试饮
了解对方全年采购计划和预算周期
处理配送晚到 20 分钟的投诉，补偿一次茶点
确认年度合同条款，账期改为月结 30 天
询问中秋礼盒需求，预计 120 份
协调两个门店联合供货
""".splitlines()
NEXT = ("发送报价单", "下周回访", "安排试饮", "确认开票信息", "提交合同续签", "月底对账")
NEEDS = ("人数增加到 60 人", "希望增加无糖与低咖啡因选项", "预算下调一成", "配送时间改为 15:00 前")
RIVALS = ("悦茶里", "山野鲜茶", "半亩茶铺")


def contact_row(
    random: Random, customer: int, kind: str, person: Person, moment: datetime
) -> dict[str, Any]:
    """A contact of a customer, noted within minutes."""
    member = kind == "member"
    row: dict[str, Any] = {
        "customer": customer, "staff": person.id, "contacted_at": moment, "way": random.choice(WAYS[member]),
        "time_spent": random.choice((3, 5, 5, 10, 15)) * (1 if member else 2),
        "summary": random.choice(MEMBER_TALK if member else GROUP_TALK),
        "source": "manual", "created_at": moment,
    }  # fmt: skip
    if member:
        return row
    if random.random() < 0.35:
        row |= {"next_step": random.choice(NEXT), "next_at": moment + timedelta(days=7)}
    if random.random() < 0.12:
        row["need_change"] = random.choice(NEEDS)
    if random.random() < 0.03:
        row |= {"competitor_mentioned": True, "competitor_name": random.choice(RIVALS)}
    return row
