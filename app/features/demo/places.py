"""The cities, districts and shopping streets in which the chain has stores."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class City:
    """A city with its GB/T 2260 code, dialling code, middle and districts."""

    name: str
    code: str
    dial: str
    latitude: float
    longitude: float
    districts: tuple[str, ...]
    malls: tuple[str, ...]


@dataclass(frozen=True)
class AreaPlan:
    """An area: its region, and how many of the first 24 stores stand in which of its cities."""

    region: str
    name: str
    name_en: str
    entity: int
    cities: tuple[tuple[City, int], ...]


GUANGZHOU = City("广州", "440100", "020", 23.1291, 113.2644, ("天河区", "越秀区", "海珠区", "番禺区", "白云区"),
                 ("体育西路", "正佳", "北京路", "琶洲", "万博", "江南西", "白云新城", "五羊新城"))  # fmt: skip
FOSHAN = City("佛山", "440600", "0757", 23.0215, 113.1214, ("禅城区", "南海区", "顺德区"),
              ("祖庙", "千灯湖", "大良", "桂城", "金沙洲", "容桂"))  # fmt: skip
SHENZHEN = City("深圳", "440300", "0755", 22.5431, 114.0579, ("南山区", "福田区", "宝安区", "龙华区"),
                ("科技园", "海岸城", "会展中心", "壹方城", "车公庙", "龙华大道", "蛇口", "华强北"))  # fmt: skip
DONGGUAN = City("东莞", "441900", "0769", 23.0207, 113.7518, ("南城街道", "东城街道"),
                ("鸿福路", "东城万达", "松山湖", "虎门"))  # fmt: skip
SHANGHAI = City("上海", "310100", "021", 31.2304, 121.4737, ("徐汇区", "静安区", "浦东新区", "杨浦区", "长宁区"),
                ("徐家汇", "静安寺", "陆家嘴", "五角场", "中山公园", "张江", "漕河泾", "世纪大道"))  # fmt: skip
HANGZHOU = City("杭州", "330100", "0571", 30.2741, 120.1551, ("西湖区", "上城区", "滨江区"),
                ("文三路", "湖滨银泰", "滨江宝龙", "城西", "黄龙", "未来科技城"))  # fmt: skip
NANJING = City("南京", "320100", "025", 32.0603, 118.7969, ("玄武区", "鼓楼区", "建邺区"),
               ("新街口", "河西", "湖南路", "仙林", "江宁大学城"))  # fmt: skip
BEIJING = City("北京", "110100", "010", 39.9042, 116.4074, ("朝阳区", "海淀区", "东城区"),
               ("望京", "中关村", "国贸", "五道口", "三里屯", "西单"))  # fmt: skip
TIANJIN = City("天津", "120100", "022", 39.0842, 117.2009, ("和平区", "南开区"),
               ("滨江道", "天塔", "大悦城", "小白楼"))  # fmt: skip
CHENGDU = City("成都", "510100", "028", 30.5728, 104.0668, ("锦江区", "武侯区", "高新区"),
               ("春熙路", "天府三街", "建设路", "环球中心", "玉林"))  # fmt: skip
CHONGQING = City("重庆", "500100", "023", 29.5630, 106.5516, ("渝中区", "江北区"),
                 ("解放碑", "观音桥", "南坪", "沙坪坝"))  # fmt: skip

REGIONS = (
    ("华东", "East China"),
    ("华南", "South China"),
    ("华北", "North China"),
    ("西南", "Southwest"),
)

# The story plays in the third area; its stores come first in it.
AREAS = (
    AreaPlan("华东", "沪区", "Shanghai", 0, ((SHANGHAI, 4),)),
    AreaPlan("华东", "苏浙区", "Jiangsu and Zhejiang", 0, ((HANGZHOU, 2), (NANJING, 2))),
    AreaPlan("华南", "广佛区", "Guangzhou and Foshan", 1, ((GUANGZHOU, 4), (FOSHAN, 2))),
    AreaPlan("华南", "深莞区", "Shenzhen and Dongguan", 1, ((SHENZHEN, 3), (DONGGUAN, 1))),
    AreaPlan("华北", "京津区", "Beijing and Tianjin", 2, ((BEIJING, 2), (TIANJIN, 1))),
    AreaPlan("西南", "川渝区", "Sichuan and Chongqing", 3, ((CHENGDU, 2), (CHONGQING, 1))),
)
STORY_AREA = "广佛区"
