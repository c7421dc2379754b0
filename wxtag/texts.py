"""The Chinese texts that pages show, in one place, so that another language can stand beside them."""

PRODUCT = "wxtag"
TAGLINE = "把微信里的同一位客户找出来，并在企业微信里打上标签"

# Signing in.
SIGN_IN = "登录"
SIGN_OUT = "退出"
NAME = "用户名"
PASSWORD = "密码"
PASSWORD_AGAIN = "再次输入密码"
SETUP_TITLE = "设置首位管理员"
SETUP_LEAD = "这个链接只能使用一次，24 小时内有效。"
SETUP_BUTTON = "创建并登录"
SETUP_GONE = "这个链接已失效或已被使用。在服务器上运行 flask --app wsgi admin-link 可生成新的链接。"
NAME_LENGTH = "用户名需为 2 至 40 个字符。"
NAME_TAKEN = "这个用户名已被使用，请换一个。"
PASSWORD_SHORT = "密码至少需要 10 个字符。"
PASSWORD_LONG = "密码最多 200 个字符。"
PASSWORDS_DIFFER = "两次输入的密码不一致。"
SIGN_IN_WRONG = "用户名或密码不正确。"
SIGN_IN_SLOWED = "尝试次数过多，请 15 分钟后再试。"
FORM_STALE = "页面已过期，请重新提交。"
NOBODY_YET = "还没有管理员：请打开启动时打印的一次性链接，或运行 flask --app wsgi admin-link。"

# The status page.
STATUS = "运行状态"
UPDATED = "更新于"
STALE = "暂时无法更新，显示的是之前的内容。"
API_DOCS = "API 文档"
BINDINGS = "已绑定的账号"
NO_BINDINGS = "还没有绑定账号。绑定：flask --app wsgi account bind FILE"
WAITING = "等待处理"
FAILED = "处理失败"
HOST_SILENT = (
    "服务器 {0} 已 {1} 分钟没有消息，它暂存的回调可能还没有入库。请恢复该服务器，或取回其 spool 目录后收入。"
)
HOST_WAITING = "服务器 {0} 上有回调等待入库已 {1} 分钟。"
NO_FAILURES = "没有失败的消息或推送。"
IGNORED = "已保留但未处理的事件"
NO_IGNORED = "没有。"
LAST_TAGS = "最近打上的标签"
NO_TAGS = "还没有客户得到标签。"
KIND = "类型"
NAME_OF_ACCOUNT = "名称"
CALLBACK = "回调地址"
LAST_CALLBACK = "最近回调"
NEVER = "尚未收到"
SECRETS = "密钥"
STATE = "状态"
CUSTOMER = "客户"
TAG = "标签"
WHY = "原因"
WHEN = "时间"
PUSH = "推送"
EVENT = "事件"
COUNT = "数量"
REASON = "原因"
WHAT = "内容"
NO_RELATION = "无员工好友"
UNNAMED = "未命名客户"

ACCOUNT_KINDS = {"wecom": "企业微信", "official_account": "公众号", "mini_program": "小程序"}
ACCOUNT_STATES = {"active": "正常", "broken": "异常"}
QUEUES = {
    "inbox": "待处理消息",
    "lookups": "待查询",
    "touched": "待计算客户",
    "pushes": "待推送好友关系",
}
PUSH_STATES = {"waiting": "等待推送", "done": "已推送", "failed": "推送失败", "off": "不推送"}

# The addresses for mini-programs.
MINI_UNKNOWN = "这个小程序没有绑定。"
MINI_BAD_CODE = "登录凭证无效或已使用，请重新获取。"
MINI_PLATFORM_DOWN = "微信暂时没有响应，请稍后再试。"
MINI_NOT_KEPT = "服务暂时无法保存数据，请稍后再试。"
MINI_SIGN_IN = "请先登录。"
MINI_PHONE_REFUSED = "这不是可以接收短信的手机号码。"
MINI_TOO_OLD = "时间早于 30 天，不再接收。"
MINI_INPUT = "提交的内容不符合要求。"
MINI_TOO_LARGE = "提交的内容太大。"
MINI_NOT_JSON = "提交的内容不是有效的 JSON。"

# Asking too often, and web authorisation.
TOO_OFTEN = "请求过于频繁，请一分钟后再试。"
OAUTH_TITLE = "微信授权"
OAUTH_AGAIN = "这次授权已过期或已完成，请返回后重新打开页面。"

# Errors on pages.
ERRORS = {
    400: "请求不符合要求",
    403: "没有权限",
    404: "没有这个页面",
    405: "不支持这种请求方式",
    413: "内容太大",
    429: "请求过于频繁",
    500: "程序出错了，错误已记入日志",
    503: "服务暂时不可用，请稍后再试",
}
ERROR_OTHER = "请求没有成功"
BACK = "返回首页"

# The page of the API's document.
API_TITLE = "HTTP API"
API_LEAD = "每个请求都要带上密钥；密钥这样创建："
API_DOCUMENT = "OpenAPI 文档"
PARAMETERS = "参数"
BODY = "请求内容"
ANSWERS = "回答"
REQUIRED = "必填"
SHAPES = "数据结构"
FIELD = "字段"
TYPE = "格式"
NOTE = "说明"

# The history of a customer
MERGED_IN = "与客户 #{} 合并（对方并入）"
MERGED_INTO = "已并入客户 #{}"
SPLIT_OUT = "客户 #{} 从客户 #{} 中拆分出来"
