from django.urls import path

from menus import api

urlpatterns = [
    path("menus", api.Menus.as_view(), name="menus"),
    path("performer/<id:performer_id>/menus", api.MenusOfPerformer.as_view(), name="performer-menus"),
    path("menus/items/<id:item_id>/purchase", api.BuyItem.as_view(), name="menu-item-purchase"),
]
