"""What a run leaves behind: deploy.log, transcript, job summary, report, outputs."""

from oi_deploy.report.deployments import deployment_lines
from oi_deploy.report.log import DeployLog, Transcript
from oi_deploy.report.page import report_html
from oi_deploy.report.publish import publish
from oi_deploy.report.summary import outputs_of, summary_markdown, table

__all__ = [
    "DeployLog",
    "Transcript",
    "deployment_lines",
    "outputs_of",
    "publish",
    "report_html",
    "summary_markdown",
    "table",
]
