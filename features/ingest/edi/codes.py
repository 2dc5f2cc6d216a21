"""What the codes of partners mean in canonical words. What stands in no table is kept raw and is `other`."""

from __future__ import annotations

from collections.abc import Mapping

from features.invoice_vocabulary import ChargeKind, InvoiceKind, PaymentMethod
from features.vocabulary import (
    AdjustmentReason,
    EventStatus,
    Mode,
    PartyAtFault,
    ReferenceKind,
    StopKind,
    TenderPurpose,
    TenderReply,
    UnitKind,
)

STATUSES: Mapping[str, EventStatus] = {
    "X3": EventStatus.PICKUP_ARRIVED,
    "X8": EventStatus.PICKUP_ARRIVED,
    "CP": EventStatus.LOADED,
    "AM": EventStatus.LOADED,
    "AF": EventStatus.DEPARTED,
    "P1": EventStatus.TERMINAL_DEPARTED,
    "RL": EventStatus.TERMINAL_DEPARTED,
    "X4": EventStatus.TERMINAL_ARRIVED,
    "AR": EventStatus.TERMINAL_ARRIVED,
    "R1": EventStatus.IN_TRANSIT,
    "J1": EventStatus.IN_TRANSIT,
    "X6": EventStatus.IN_TRANSIT,
    "AG": EventStatus.ESTIMATED_DELIVERY,
    "X2": EventStatus.ESTIMATED_DELIVERY,
    "X1": EventStatus.DELIVERY_ARRIVED,
    "X5": EventStatus.DELIVERY_ARRIVED,
    "D1": EventStatus.DELIVERED,
    "SD": EventStatus.DELAYED,
    "AH": EventStatus.ATTEMPTED,
    "AP": EventStatus.ATTEMPTED,
    "A7": EventStatus.REFUSED,
    "A9": EventStatus.DAMAGED,
    "A3": EventStatus.RETURNED,
    "AI": EventStatus.DIVERTED,
    "CA": EventStatus.CANCELLED,
    "K1": EventStatus.CUSTOMS_HOLD,
    "PR": EventStatus.CUSTOMS_HOLD,
    # Known, and without a canonical word of their own: gone after delivery, delivered in part, papers without freight.
    "CD": EventStatus.OTHER,
    "PA": EventStatus.OTHER,
    "OO": EventStatus.OTHER,
}
"""Status of a shipment (214 AT7-01, element 1650)."""

_KNOWN_EDIFACT = (
    "2 4 5 6 8 9 10 11 12 14 15 19 26 28 29 30 32 33 34 36 37 38 39 40 45 46 47 49 50 53 54 55 57 58 59 60 61 62 63 64 "
    "65 66 67 68 69 70 71 72 73 74 78 83 84 85 86 88 89 91 92 93 94 95 96 102 103"
)

EDIFACT_STATUSES: Mapping[str, EventStatus] = {
    "1": EventStatus.TERMINAL_ARRIVED,
    "13": EventStatus.LOADED,
    "48": EventStatus.LOADED,
    "79": EventStatus.LOADED,
    "24": EventStatus.TERMINAL_DEPARTED,
    "27": EventStatus.TERMINAL_DEPARTED,
    **dict.fromkeys(("16", "31", "35", "41", "42", "43", "98", "99", "100"), EventStatus.IN_TRANSIT),
    **dict.fromkeys(("20", "25", "51", "52", "90", "101"), EventStatus.DELAYED),
    "21": EventStatus.DELIVERED,
    "22": EventStatus.DELIVERED,
    "23": EventStatus.ATTEMPTED,
    "56": EventStatus.ATTEMPTED,
    "77": EventStatus.REFUSED,
    "17": EventStatus.CUSTOMS_HOLD,
    **dict.fromkeys(("3", "18", "97"), EventStatus.DAMAGED),
    **dict.fromkeys(("80", "81", "82"), EventStatus.RETURNED),
    **dict.fromkeys(("44", "75", "76", "87"), EventStatus.DIVERTED),
    "7": EventStatus.CANCELLED,
    # Known, and without a canonical word of their own: booked and cleared, sorted and stored, counted and lost.
    **dict.fromkeys(_KNOWN_EDIFACT.split(), EventStatus.OTHER),
}
"""Status of a consignment (IFTSTA STS, elements 9011 and 4405, after Recommendation 24 of UN/CEFACT): 1 to 103."""

_FAULTS: Mapping[PartyAtFault, str] = {
    PartyAtFault.CARRIER: "A1 AA AF AH AI AJ AL AX AY BF BH BI D1 D2 AW",
    PartyAtFault.SHIPPER: "AM BB BC BP BQ C6 CB CC",
    PartyAtFault.CONSIGNEE: "AG AD AQ B1 B5 B8 B9 BS C1 HB BJ AN",
    PartyAtFault.OUTSIDE: "AO AU BE BD CA AS AR BO",
    PartyAtFault.ADDRESS: "A2 A5 A6",
    PartyAtFault.NEUTRAL: "NS NA BG",
}
PARTIES_AT_FAULT: Mapping[str, PartyAtFault] = {
    code: party for party, codes in _FAULTS.items() for code in codes.split()
}
"""Whose doing it is, by the reason (214 AT7-02 and AT7-04, element 1651)."""

APPOINTMENTS = frozenset(["AA", "AB", "AC", "ED", "LD", "EP", "LP", "X9", "XA"])
"""What is said of an appointment (214 AT7-03, element 1652)."""

PAYMENTS: Mapping[str, PaymentMethod] = {
    "PP": PaymentMethod.PREPAID,
    "CC": PaymentMethod.COLLECT,
    "TP": PaymentMethod.THIRD_PARTY,
}
"""Who pays the freight (210 B3-04)."""

INVOICE_KINDS: Mapping[str, InvoiceKind] = {
    "BD": InvoiceKind.BALANCE_DUE,
    "CA": InvoiceKind.CANCELLATION,
    "BO": InvoiceKind.CANCELLATION,
    "CO": InvoiceKind.CORRECTION,
    "AD": InvoiceKind.CORRECTION,
    "BE": InvoiceKind.CORRECTION,
    "RB": InvoiceKind.CORRECTION,
    "RC": InvoiceKind.CORRECTION,
}
"""What an invoice does to the one before it (210 B3-08, element 202); any other code is a correction of some kind."""

_CHARGES: Mapping[ChargeKind, str] = {
    ChargeKind.LINE_HAUL: "400",
    ChargeKind.FUEL: "FSC FUE",
    ChargeKind.DISCOUNT: "DSC",
    ChargeKind.TAX: "TAX",
    ChargeKind.ACCESSORIAL: "DET DEP IDL IPU RES REP MIL MIN SOC SRG DIB EXC COD MSG FLT",
}
CHARGES: Mapping[str, ChargeKind] = {code: kind for kind, codes in _CHARGES.items() for code in codes.split()}
"""What a charge is for (210 L1-08); one without a code is the freight itself."""

STOPS: Mapping[str, StopKind] = {
    **dict.fromkeys(("CL", "LD", "PL"), StopKind.PICKUP),
    **dict.fromkeys(("CU", "UL", "PU"), StopKind.DELIVERY),
}
"""What a stop is for (204 S5-02): loading or unloading, completely or in part; any other is a transfer."""

PURPOSES: Mapping[str, TenderPurpose] = {
    "00": TenderPurpose.ORIGINAL,
    "01": TenderPurpose.CANCELLATION,
    "04": TenderPurpose.CHANGE,
    "05": TenderPurpose.CHANGE,
}
"""What a tender does to the one before it (204 B2A-01)."""

REPLIES: Mapping[str, TenderReply] = {
    "A": TenderReply.ACCEPTED,
    "B": TenderReply.ACCEPTED_WITH_CHANGES,
    "D": TenderReply.DECLINED,
}
"""What a carrier answers to a tender (990 B1-04)."""

MODES: Mapping[str, Mode] = {
    "A": Mode.AIR,
    "M": Mode.ROAD_FTL,
    "J": Mode.ROAD_FTL,
    "LT": Mode.ROAD_LTL,
    "R": Mode.RAIL,
    "S": Mode.OCEAN,
}
"""Mode of transport (204 MS3-04)."""

REFERENCES: Mapping[str, ReferenceKind] = {
    "BM": ReferenceKind.BILL_OF_LADING,
    "MB": ReferenceKind.BILL_OF_LADING,
    "CN": ReferenceKind.PRO,
    "PO": ReferenceKind.PURCHASE_ORDER,
    "2I": ReferenceKind.TRACKING,
    "SI": ReferenceKind.SHIPMENT,
    "ASN": ReferenceKind.SHIPPING_NOTICE,
    "BN": ReferenceKind.BOOKING,
    "AW": ReferenceKind.AIR_WAYBILL,
    "OC": ReferenceKind.CONTAINER,
    "SN": ReferenceKind.SEAL,
    "IV": ReferenceKind.INVOICE,
    "CR": ReferenceKind.CUSTOMER,
    "CT": ReferenceKind.CONTRACT,
}
"""What a number names (N9-01, L11-02, REF-01)."""

KILOGRAMS: Mapping[str, float] = {"L": 0.45359237, "LB": 0.45359237, "K": 1.0, "KG": 1.0, "M": 1000.0}
"""Kilograms of a unit of weight: pound, kilogram, metric ton."""

CUBIC_METRES: Mapping[str, float] = {"E": 0.028316846592, "CF": 0.028316846592, "X": 1.0, "CR": 1.0}
"""Cubic metres of a unit of volume: cubic foot, cubic metre."""

UNITS: Mapping[str, UnitKind] = {
    **dict.fromkeys(("PLT", "PAT", "SKD"), UnitKind.PALLET),
    **dict.fromkeys(("CTN", "BOX", "CAS"), UnitKind.CARTON),
    "CRT": UnitKind.CRATE,
    "DRM": UnitKind.DRUM,
    "BAG": UnitKind.BAG,
    "CNT": UnitKind.CONTAINER,
}
"""Kind of package (first three characters of TD1-01)."""

ADJUSTMENTS: Mapping[str, AdjustmentReason] = {
    "AA": AdjustmentReason.COUNT,
    "51": AdjustmentReason.FOUND,
    "05": AdjustmentReason.HOLD,
    "55": AdjustmentReason.RELEASE,
    "07": AdjustmentReason.LOSS,
    "AU": AdjustmentReason.DAMAGE,
    "AV": AdjustmentReason.DAMAGE,
    "AX": AdjustmentReason.EXPIRED,
}
"""Why stock was changed (947 W19-01, element 181)."""
