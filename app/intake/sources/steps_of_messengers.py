"""Steps at messengers, and at services for work with customers."""

from app.intake.sources.sender_steps import SenderSteps

STEPS = {
    "calendly": SenderSteps(
        title="Calendly",
        steps=(
            (
                "Create the subscription with `POST "
                "https://api.calendly.com/webhook_subscriptions` and a personal access token: the "
                "webhook URL as `url`, the secret as `signing_key`, and `events`, `organization` "
                "and `scope`. The address cannot be changed later."
            ),
            (
                "A subscription of an OAuth app is signed with the key that Calendly makes for the"
                " app: that key is the secret then."
            ),
        ),
        test="Book a meeting, and cancel it.",
    ),
    "clickup": SenderSteps(
        title="ClickUp",
        credential="webhook.secret",
        steps=(
            (
                "Create the webhook with `POST https://api.clickup.com/api/v2/team/<workspace "
                "id>/webhook` and a token in `Authorization`: the webhook URL as `endpoint`, and "
                '`events` (`["*"]` for all).'
            ),
            "The `webhook.secret` of the response is the secret.",
        ),
        test="Create a task in the workspace.",
    ),
    "discord": SenderSteps(
        title="Discord",
        credential="public key",
        credential_form="64 hex digits",
        steps=(
            (
                "In the Developer Portal: General Information shows the application's public key, "
                "which is the secret."
            ),
            (
                "Enter the webhook URL there as Interactions Endpoint URL; or on the page Webhooks "
                "as Endpoint, turn Events on, and choose the events."
            ),
        ),
        test="Discord pings the webhook URL when it is saved.",
    ),
    "evolution": SenderSteps(
        title="Evolution API",
        steps=(
            (
                "Call `POST /webhook/set/<instance>` with the `apikey`, and in `webhook`: the "
                'webhook URL as `url`, `enabled`, the `events`, and `"headers": {"jwt_key": '
                '"<secret>"}`. The secret itself then never travels.'
            ),
            (
                'A header `"X-Webhook-Secret": "<secret>"` proves it too; so does the webhook URL '
                "with the secret at its end, the way for a form that has no headers."
            ),
        ),
        test="Write a message to the number of the instance.",
    ),
    "evolution_go": SenderSteps(
        title="Evolution Go",
        steps=(
            (
                "Call `POST /instance/connect` with the instance's token as `apikey`: as "
                "`webhookUrl` the webhook URL with the secret at its end, and the events in "
                '`subscribe` (`["ALL"]` for all). `WEBHOOK_URL` in the environment is for all '
                "instances together."
            ),
            "A proxy of yours may instead add the secret as `X-Webhook-Secret`.",
        ),
        test="Write a message to the number of the instance.",
    ),
    "hubspot": SenderSteps(
        title="HubSpot",
        credential="client secret",
        steps=(
            (
                "In the app's settings: Webhooks, with the webhook URL as the target URL; of an "
                "app that is a project, `targetUrl` of its webhooks component."
            ),
            "The app's client secret is the secret.",
            "HubSpot signs the address: `HOOKONCE_PUBLIC_URL` must be the one that HubSpot calls.",
        ),
    ),
    "intercom": SenderSteps(
        title="Intercom",
        credential="client secret",
        steps=(
            "In the Developer Hub: Configure > Webhooks, with the webhook URL.",
            "The app's client secret (Configure > Basic information) is the secret.",
        ),
        test="Send a test request, beside the webhook URL.",
    ),
    "slack": SenderSteps(
        title="Slack",
        credential="signing secret",
        steps=(
            (
                "The app's signing secret (Basic Information > App Credentials) is the secret. The"
                " trigger must have it before the next step."
            ),
            (
                "Under Event Subscriptions turn Enable Events on, enter the webhook URL as Request"
                " URL, choose the events under Subscribe to bot events, and save. The same address"
                " serves Interactivity & Shortcuts and Slash Commands."
            ),
            (
                "Install the app in the workspace again where Slack asks for it: new events need "
                "new scopes."
            ),
        ),
        test="Slack sends a challenge when the Request URL is entered, and Hookonce returns it.",
    ),
    "telegram": SenderSteps(
        title="Telegram",
        steps=(
            (
                "Call `https://api.telegram.org/bot<token>/setWebhook` with the webhook URL as "
                "`url` and the secret as `secret_token`. Telegram allows letters, digits, `_` and "
                "`-` in it, at most 256."
            ),
            (
                "The webhook URL must be HTTPS, on port 443, 80, 88 or 8443. `allowed_updates` "
                "chooses the kinds of updates; the default leaves some out."
            ),
        ),
        test="Write a message to the bot; `getWebhookInfo` tells Telegram's last error.",
    ),
    "twilio": SenderSteps(
        title="Twilio",
        credential="auth token",
        steps=(
            "The account's auth token (Account Info in the Console) is the secret.",
            (
                "In the Console open the number (Phone Numbers > Active numbers), and under "
                'Messaging enter the webhook URL at "A message comes in", with HTTP POST. A '
                "message or call of your own names it as `StatusCallback`."
            ),
            "Twilio signs the address: `HOOKONCE_PUBLIC_URL` must be the one that Twilio calls.",
        ),
        test="Send an SMS to the number.",
    ),
    "whatsapp": SenderSteps(
        title="WhatsApp (Meta)",
        credential="app secret",
        steps=(
            (
                "The app secret (App settings > Basic) is the secret. The trigger must have it "
                "before the next step."
            ),
            (
                "In the App Dashboard (Use cases > Customize > Configuration; WhatsApp > "
                "Configuration of an older app) enter the webhook URL as callback URL, and as "
                "verify token the app secret or, better, what docs/sources/whatsapp.md derives "
                "from it."
            ),
            "Subscribe to `messages` and the other webhook fields that you want, on the same page.",
        ),
        test="Meta checks the callback URL when it is saved.",
    ),
    "zoom": SenderSteps(
        title="Zoom",
        credential="secret token",
        steps=(
            (
                "In the app: Features > Access > Event Subscriptions > Add New Event Subscription, "
                "with the webhook URL as Event notification endpoint URL."
            ),
            (
                "The secret token, on the same page, is the secret. The trigger must have it "
                "before Validate is pressed."
            ),
        ),
        test="Validate, beside the webhook URL.",
    ),
}
