"""Where the events of a task are posted, and how the post is signed in.

Source: A2A 4.3. Secrets are kept out of `repr`, and so out of tracebacks and logs.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from interloom.runtime.model.fields import Name, Text
from interloom.runtime.model.wiremodel import WireModel


class AuthenticationInfo(WireModel):
    """How a notification proves to its receiver who sent it."""

    scheme: Name
    credentials: Annotated[Text, Field(repr=False)] = ""


class TaskPushNotificationConfig(WireModel):
    """Where the events of one task are to be posted."""

    tenant: Text = ""
    id: Text = ""
    task_id: Text = ""
    url: Name
    token: Annotated[Text, Field(repr=False)] = ""
    authentication: AuthenticationInfo | None = None
