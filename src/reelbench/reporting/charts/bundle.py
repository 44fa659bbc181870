"""The JavaScript that draws the charts: Vega, Vega-Lite and Vega-Embed in one piece."""

from __future__ import annotations

from functools import cache


@cache
def javascript() -> str:
    """A classic script of 0.9 MB that defines `vegaEmbed`, of the Vega-Lite that Altair writes."""
    import altair as alt
    import vl_convert

    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    # its stub asks for a snippet that it can do without
    bundle: str = vl_convert.javascript_bundle(vl_version=version)  # type: ignore[call-arg]
    # in an element <script>, this would end it
    return bundle.replace("</script", "<\\/script")
