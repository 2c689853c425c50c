"""Fields of these pages' forms: what no account can have is refused before any service reads it."""

from django import forms

from accounts import services as accounts
from accounts.models import User

EMAIL_LETTERS = User._meta.get_field("email").max_length or 0


class FlaggedForm(forms.Form):
    """A form whose faulty fields look so and name their fault; the first of them has the focus."""

    def flag(self) -> None:
        """Mark the faulty fields of a form that was sent."""
        for place, name in enumerate(self.errors):
            if name in self.fields:
                attrs = self.fields[name].widget.attrs
                described = f"{self[name].auto_id}-fault {attrs.get('aria-describedby', '')}".rstrip()
                attrs |= {"aria-invalid": "true", "aria-describedby": described}
                attrs["class"] = f"{attrs.get('class', '')} is-bad".lstrip()
                if place == 0:
                    attrs["autofocus"] = True


def typed(kind: str, complete: str, **more: object) -> forms.Widget:
    """A field's input: its type, and what browsers may fill in."""
    widget = forms.EmailInput if kind == "email" else forms.TextInput
    return widget(attrs={"class": "inp", "autocomplete": complete, **more})


class EmailForm(FlaggedForm):
    """One address."""

    email = forms.EmailField(label="E-mail", max_length=EMAIL_LETTERS, widget=typed("email", "email"))

    def clean_email(self) -> str:
        return accounts.normalised(self.cleaned_data["email"])


class CodeForm(FlaggedForm):
    """A code of an authenticator, or a recovery code."""

    code = forms.CharField(
        label="Code", max_length=20, widget=typed("text", "one-time-code", inputmode="numeric", spellcheck="false")
    )
