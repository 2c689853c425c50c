"""A provider for demo and test that asks nobody: the day of the month of the date of birth decides."""

from compliance.providers.interface import AgeAnswer, AgeProvider, AgeQuestion, Finding, NoAnswer


class StandIn(AgeProvider):
    """Born on a 1st: verified; on a 2nd: rejected; on a 3rd: no answer; else unsure, so that staff decide."""

    def check(self, question: AgeQuestion) -> AgeAnswer:
        reference = f"stand-in-{question.case_id.hex[-8:]}"
        match question.born.day:
            case 1:
                return AgeAnswer(Finding.VERIFIED, reference, "Document agrees")
            case 2:
                return AgeAnswer(Finding.REJECTED, reference, "Document disagrees")
            case 3:
                raise NoAnswer("stand-in")
        return AgeAnswer(Finding.UNSURE, reference, "Year not readable")
