"""The page for whoever has no session: where to get in."""

from __future__ import annotations

import html

from sensors.text import Lang, say

_PAGE = """\
<!doctype html>
<html lang="{lang}" data-theme="dark">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>rfproctor</title>
<link rel="icon" href="static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="static/style.css">
<link rel="stylesheet" href="static/signin.css">
</head>
<body class="signin">
<main>
<h1>rfproctor</h1>
<p role="alert">{problem}</p>
<p>{hint}</p>
<form method="post" action="login">
<label>{name}
<input name="name" autocomplete="username" autocapitalize="none" autofocus></label>
<label>{password}
<input name="password" type="password" autocomplete="current-password"></label>
<button>{button}</button>
</form>
</main>
</body>
</html>
"""


def signin_page(lang: Lang, problem: str) -> str:
    """HTML of the sign-in page; ``problem`` is what was wrong with the last try."""
    return _PAGE.format(
        lang="zh-CN" if lang == "zh" else "en",
        problem=html.escape(problem),
        hint=html.escape(say("signin.hint", lang)),
        name=html.escape(say("signin.name", lang)),
        password=html.escape(say("signin.password", lang)),
        button=html.escape(say("signin.enter", lang)),
    )
